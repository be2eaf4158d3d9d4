/** Markup that may be inserted as it is. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

export const nothing = new Html('')

type Value = string | number | Html | readonly Html[]

/** Fills a template, with its values escaped unless they are Html themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(insert)))
}

/** Control characters, and those that turn the direction of writing: they would hide the true text. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

function insert(value: Value): string {
  if (value instanceof Html) return value.markup
  if (typeof value === 'object') return value.map(insert).join('')
  return String(value)
    .replace(UNSEEN, (character) => `⟨U+${hex(character)}⟩`)
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
}

/** Makes the id of an element from the names of the thing it stands for: the same in each process, whatever the names hold. */
export function elementId(...names: readonly string[]): string {
  return `i${process.getBuiltinModule('node:crypto').hash('sha1', names.join('\n')).slice(0, 12)}`
}
