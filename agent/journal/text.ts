/** What is not to be passed on as it is: control and format characters, unassigned ones, halves of surrogate pairs, line separators. */
const CONTROLS = /[\p{C}\p{Zl}\p{Zp}]/gu

/** What is not seen on a terminal as a character of its own: those, what combines with its neighbour, blanks of other widths, fillers. */
const UNSEEN = /[[\p{C}\p{M}\p{Z}\p{Default_Ignorable_Code_Point}\p{Regional_Indicator}\p{Emoji_Modifier}]--[ ]]/gv

/** What takes two columns of a terminal: East Asian wide and full-width characters, and emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115F\u2329\u232A\u2E80-\u303E\u3041-\u4DBF\u4E00-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6B\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}]/u

/** Text that others wrote, without what acts instead of being shown: `\u001b` and the like, as JSON spells it. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, escapeSequence)
}

/** Text that others wrote, fit for a terminal's line: every character has a width, and cannot be missed. */
export function escapeUnseen(text: string): string {
  return text.replace(UNSEEN, escapeSequence)
}

function escapeSequence(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** How many columns of a terminal a text without unseen characters takes. */
export function widthOf(text: string): number {
  return [...text].reduce((width, character) => width + columnsOf(character), 0)
}

/** Cuts a text without unseen characters to a width. */
export function cut(text: string, width: number): string {
  if (text.length <= width / 2 || widthOf(text) <= width) return text
  let kept = ''
  let left = width - 1 // for the ellipsis
  for (const character of text) {
    left -= columnsOf(character)
    if (left < 0) break
    kept += character
  }
  return `${kept}…`
}

function columnsOf(character: string): 1 | 2 {
  return WIDE.test(character) ? 2 : 1
}
