import { isAlias, isScalar, LineCounter, type Node, parseDocument } from 'yaml'

/** A YAML document whose values are the text that they are: a password 0123 is not the number 83. */
export class YamlText {
  readonly root: Node | null
  /** Why it is not valid YAML, with its place. */
  readonly problem: string | undefined
  readonly #path: string
  readonly #lines = new LineCounter()
  readonly #document

  constructor(path: string, text: string) {
    this.#path = path
    // Pretty errors would quote the file.
    this.#document = parseDocument(text, { schema: 'failsafe', lineCounter: this.#lines, prettyErrors: false })
    this.root = this.#document.contents as Node | null
    const [fault] = [...this.#document.errors, ...this.#document.warnings] // more of them usually follow from the first
    this.problem = fault && `${this.#atOffset(fault.pos[0])}: not valid YAML: ${withoutContent(fault.message)}`
  }

  /** A node's place: the file, line and column. */
  at(node: Node | null | undefined): string {
    return this.#atOffset(node?.range?.[0] ?? 0)
  }

  /** Follows an alias to what it stands for. */
  resolve(node: Node | null | undefined): Node | null | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node
  }

  #atOffset(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#path}:${line}:${col}`
  }
}

/** `pid:`, `pid: ""`, `pid: ~` and `pid: null` leave the setting alone. */
export function isNull(node: Node | null | undefined): boolean {
  if (!isScalar(node)) return node === null
  return node.value === '' || (node.type === 'PLAIN' && ['~', 'null'].includes(String(node.value)))
}

/** Removes the piece of the file that some of the parser's messages end in: it may be part of a password. */
function withoutContent(message: string): string {
  return message.replace(/(?<=\S): .*| \\.*|;.*/s, '')
}
