import { isMap, isScalar, isSeq, type Node } from 'yaml'
import { didYouMean } from '../suggest.ts'
import { isNull, type YamlText } from '../yaml-text.ts'

/** A value of a file, and where it stands. */
export interface Field {
  readonly node: Node | null
  /** File, line, column and name. */
  readonly where: string
  readonly name: string
}

export interface Text {
  readonly value: string
  readonly field: Field
}

/** Reads values out of YAML as Go's yaml.UnmarshalStrict does, and collects what is wrong with them. */
export class Fields {
  readonly problems: string[] = []
  readonly warnings: string[] = []
  readonly root: Field
  readonly #yaml: YamlText

  constructor(yaml: YamlText) {
    this.#yaml = yaml
    this.root = { node: yaml.root, where: yaml.at(yaml.root), name: '' }
  }

  fail(field: Field | undefined, problem: string): void {
    this.problems.push(`${field?.where ?? this.root.where}: ${problem}`)
  }

  warn(field: Field | undefined, warning: string): void {
    this.warnings.push(`${field?.where ?? this.root.where}: ${warning}`)
  }

  /** The fields of a map that may have these names and no others. */
  map<Name extends string>(field: Field | undefined, name: string, names: readonly Name[]): { readonly [N in Name]?: Field } {
    const all = this.#entries(field, name)
    for (const [key, entry] of all)
      if (!names.includes(key as Name))
        this.fail(
          entry,
          `there is no such key${didYouMean(
            key,
            names.map((known) => ({ spelling: known, shown: known })),
          )}`,
        )
    return Object.fromEntries(all) as { readonly [N in Name]?: Field }
  }

  /** A map of any names to texts. Values that are null are the empty text. */
  texts(field: Field | undefined, name: string): ReadonlyMap<string, Text> {
    const entries = [...this.#entries(field, name)]
    return new Map(entries.map(([key, entry]) => [key, { value: this.text(entry) ?? '', field: entry }]))
  }

  /** The text of a field; undefined where it is null or empty. */
  text(field: Field | undefined): string | undefined {
    const node = this.#nodeOf(field)
    if (isNull(node)) return undefined
    if (isScalar<string>(node)) return node.value
    return void this.fail(field, 'must be a single value')
  }

  list(field: Field | undefined): readonly Text[] | undefined {
    const node = this.#nodeOf(field)
    if (!field || isNull(node)) return undefined
    if (!isSeq<Node>(node)) return void this.fail(field, 'must be a list')
    const items = node.items.map((item) => ({ ...field, node: item, where: `${this.#yaml.at(item)} (${field.name})` }))
    return items.map((item) => ({ value: this.text(item) ?? '', field: item }))
  }

  boolean(field: Field | undefined): boolean | undefined {
    const text = this.text(field)
    if (text === undefined) return undefined
    if (/^(y|yes|true|on)$/i.test(text)) return true
    if (/^(n|no|false|off)$/i.test(text)) return false
    return void this.fail(field, 'must be true or false')
  }

  /** What a text stands for, by a table. */
  oneOf<T>({ value, field }: Text, table: Readonly<Record<string, T>>, problem: string): T | undefined {
    if (Object.hasOwn(table, value)) return table[value]
    return void this.fail(field, `${problem}, not ${JSON.stringify(value)}`)
  }

  /** Null where there is no such field; undefined of an alias that stands for nothing. */
  #nodeOf(field: Field | undefined): Node | null | undefined {
    return field ? this.#yaml.resolve(field.node) : null
  }

  #entries(field: Field | undefined, name: string): ReadonlyMap<string, Field> {
    const node = this.#nodeOf(field)
    if (isNull(node)) return new Map()
    if (!isMap<Node, Node>(node)) {
      this.fail(field, 'must be a map')
      return new Map()
    }
    return new Map(
      node.items.map(({ key, value }) => {
        const own = isScalar(key) ? String(key.value) : ''
        const full = name === '' ? own : `${name}.${own}`
        return [own, { node: value, where: `${this.#yaml.at(key)} (${full})`, name: full }]
      }),
    )
  }
}
