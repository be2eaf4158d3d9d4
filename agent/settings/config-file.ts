import { isAlias, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { type Key, keys, options, withoutUse } from './schema.ts'
import { readSettingsFile } from './secrets/files.ts'
import { Source } from './source.ts'
import { didYouMean, settingNames } from './suggest.ts'

/** Follows an alias to what it stands for. */
type Resolve = (node: Node | null) => Node | null | undefined

/** Reads the configuration file: a flat YAML map, or an empty file. */
export class ConfigFile extends Source {
  /** The file could not be read at all, so nobody knows what it would have set. */
  isUnusable = false
  readonly #path: string
  readonly #lines = new LineCounter()
  readonly #seen = new Map<Key, string>()

  constructor(path: string) {
    super()
    this.#path = path
  }

  read(where: string): this {
    const file = readSettingsFile(this.#path)
    if ('problem' in file) this.#refuse(`${where}: the configuration file ${file.problem}`)
    else this.#readYaml(file.content)
    return this
  }

  #readYaml(yaml: string): void {
    // The failsafe schema leaves every value the text it is (a password 0123 is not the number 83), and pretty errors would quote it.
    const document = parseDocument(yaml, { schema: 'failsafe', lineCounter: this.#lines, prettyErrors: false })
    const [fault] = [...document.errors, ...document.warnings] // more of them usually follow from the first
    if (fault) return void this.#refuse(`${this.#at(fault.pos[0])}: not valid YAML: ${withoutContent(fault.message)}`)
    if (document.contents === null) return
    if (!isMap<Node, Node>(document.contents))
      return void this.#refuse(`${this.#path}: must be a map of settings, such as "metrics_port: 9435"`)
    for (const pair of document.contents.items) this.#readPair(pair, (node) => (isAlias(node) ? node.resolve(document) : node))
  }

  #readPair({ key: name, value }: Pair<Node, Node | null>, resolve: Resolve): void {
    const at = this.#at(name.range?.[0] ?? 0)
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
    const node = resolve(value)
    if (options[key].many) this.#readMap(key, node, where, resolve)
    else this.#readScalar(key, node, where)
  }

  #readScalar(key: Key, node: Node | null | undefined, where: string): void {
    if (isNull(node)) return
    if (isScalar<string>(node)) this.give(key, node.value, where)
    else this.fail(key, `${where}: must be a single value; put quotes around text with special characters`)
  }

  #readMap(key: Key, node: Node | null | undefined, where: string, resolve: Resolve): void {
    if (isNull(node)) return
    if (!isMap<Node, Node>(node)) return void this.fail(key, `${where}: must be a map of names to paths`)
    const pairs = node.items.map(({ key: name, value }) => [resolve(name), resolve(value)])
    const texts = pairs.filter((pair) => pair.every((part) => part === null || isScalar<string>(part)))
    if (texts.length < pairs.length) return void this.fail(key, `${where}: must be a map of names to paths, one path for each`)
    this.give(
      key,
      texts.map(([name, value]) => `${name ?? ''}=${value ?? ''}`),
      where,
    )
  }

  #refuse(problem: string): void {
    this.isUnusable = true
    this.problems.push(problem)
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#path}:${line}:${col}`
  }
}

/** `pid:`, `pid: ""`, `pid: ~` and `pid: null` leave the setting alone. */
function isNull(node: Node | null | undefined): boolean {
  if (!isScalar(node)) return node === null
  return node.value === '' || (node.type === 'PLAIN' && ['~', 'null'].includes(String(node.value)))
}

/** Removes the piece of the file that some of the parser's messages end in: it may be part of a password. */
function withoutContent(message: string): string {
  return message.replace(/(?<=\S): .*| \\.*|;.*/s, '')
}
