/** A page of the manual, in roff with the macros of man(7), from plain text. */
export class Roff {
  readonly #lines: string[] = []

  constructor(title: string, section: number, date: string, source: string) {
    this.#lines.push(`.TH ${quoted(title)} ${section} ${quoted(date)} ${quoted(source)} ${quoted('User Commands')}`, '.nh', '.ad l')
  }

  section(title: string): this {
    this.#lines.push(`.SH ${quoted(title.toUpperCase())}`)
    return this
  }

  subsection(title: string): this {
    this.#lines.push(`.SS ${quoted(title)}`)
    return this
  }

  paragraph(text: string): this {
    this.#lines.push('.PP', escaped(text))
    return this
  }

  /** Text that stands below a term, such as a flag. */
  entry(term: string, paragraphs: readonly string[]): this {
    const [first = '', ...others] = paragraphs
    this.#lines.push('.TP', `\\fB${escaped(term)}\\fR`, escaped(first), ...others.flatMap((text) => ['.br', escaped(text)]))
    return this
  }

  /** Lines as they are. */
  literal(lines: readonly string[]): this {
    this.#lines.push('.PP', '.nf', '.RS 4', ...lines.map(escaped), '.RE', '.fi')
    return this
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

const quoted = (text: string) => `"${escaped(text).replaceAll('"', '\\(dq')}"`

/** A line that begins with a full stop or an apostrophe would be a request, and hyphens are to be copied as such. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^[.']/gm, '\\&$&')
    .replace(/[^ -~\n\t]/gu, (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
}
