import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLSeq } from 'yaml'
import { type Key, keys, options, withoutUse } from './schema.ts'
import { readSettingsFile } from './secrets/files.ts'
import { settingNames } from './setting-names.ts'
import { Source } from './source.ts'
import { didYouMean } from './suggest.ts'
import { isNull, YamlText } from './yaml-text.ts'

/** Reads the configuration file: a flat YAML map, or an empty file. */
export class ConfigFile extends Source {
  /** The file could not be read at all, so nobody knows what it would have set. */
  isUnusable = false
  readonly #path: string
  readonly #seen = new Map<Key, string>()

  constructor(path: string) {
    super()
    this.#path = path
  }

  read(where: string): this {
    const file = readSettingsFile(this.#path)
    if ('problem' in file) this.#refuse(`${where}: the configuration file ${file.problem}`)
    else this.#readYaml(new YamlText(this.#path, file.content))
    return this
  }

  #readYaml(yaml: YamlText): void {
    if (yaml.problem) return void this.#refuse(yaml.problem)
    if (yaml.root === null) return
    if (!isMap<Node, Node>(yaml.root)) return void this.#refuse(`${this.#path}: must be a map of settings, such as "metrics_port: 9435"`)
    for (const pair of yaml.root.items) this.#readPair(pair, yaml)
  }

  #readPair({ key: name, value }: Pair<Node, Node | null>, yaml: YamlText): void {
    const at = yaml.at(name)
    if (!isScalar<string>(name)) return void this.problems.push(`${at}: the name of a setting must be plain text`)
    const [reason] = Object.entries(withoutUse).find(([, { yaml }]) => yaml === name.value) ?? []
    if (reason) return void this.warnings.push(`${at} (${name.value}): has no effect: ${reason}`)
    const key = keys.find((candidate) => options[candidate].yaml.includes(name.value))
    if (!key)
      return void this.problems.push(
        `${at} (${name.value}): there is no such setting${didYouMean(
          name.value,
          settingNames(({ yaml }) => yaml[0]),
        )}`,
      )
    const where = `${at} (${name.value})`
    const earlier = this.#seen.get(key)
    if (earlier) return void this.fail(key, `${where}: set already at ${earlier}, keep one of them`)
    this.#seen.set(key, where)
    const node = yaml.resolve(value)
    const { many, separator } = options[key]
    if (many === 'map') this.#readMap(key, node, where, yaml)
    else if ((many === 'list' || separator) && isSeq<Node>(node)) this.#readList(key, node, where, yaml)
    else this.#readScalar(key, node, where)
  }

  #readScalar(key: Key, node: Node | null | undefined, where: string): void {
    if (isNull(node)) return
    if (isScalar<string>(node)) this.give(key, node.value, where)
    else this.fail(key, `${where}: must be a single value; put quotes around text with special characters`)
  }

  #readMap(key: Key, node: Node | null | undefined, where: string, yaml: YamlText): void {
    if (isNull(node)) return
    if (!isMap<Node, Node>(node)) return void this.fail(key, `${where}: must be a map of names to paths`)
    const pairs = node.items.map(({ key: name, value }) => [yaml.resolve(name), yaml.resolve(value)])
    const texts = pairs.filter((pair) => pair.every((part) => part === null || isScalar<string>(part)))
    if (texts.length < pairs.length) return void this.fail(key, `${where}: must be a map of names to paths, one path for each`)
    this.give(
      key,
      texts.map(([name, value]) => `${isScalar(name) ? name.value : ''}=${isScalar(value) ? value.value : ''}`),
      where,
    )
  }

  #readList(key: Key, { items }: YAMLSeq<Node>, where: string, yaml: YamlText): void {
    const texts = items.map((item) => yaml.resolve(item)).filter((item) => isScalar<string>(item))
    if (texts.length < items.length || items.length === 0)
      return void this.fail(key, `${where}: must be a list of single values; put quotes around text with special characters`)
    const values = texts.map(({ value }) => value)
    const { separator } = options[key]
    if (separator !== undefined && values.some((value) => value.includes(separator)))
      return void this.fail(key, `${where}: must be a list of single values: one has a ${separator === ',' ? 'comma' : 'line break'} in it`)
    this.give(key, separator === undefined ? values : values.join(separator), where)
  }

  #refuse(problem: string): void {
    this.isUnusable = true
    this.problems.push(problem)
  }
}
