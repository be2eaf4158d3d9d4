/** Characters that are not passed on as they are: control and format characters, unassigned ones, halves of surrogate pairs, line separators. */
const CONTROLS = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Characters that a terminal does not show as one of their own: those, what combines with its neighbour, blanks of other widths, fillers. */
const UNSEEN = /[[\p{C}\p{M}\p{Z}\p{Default_Ignorable_Code_Point}\p{Regional_Indicator}\p{Emoji_Modifier}]--[ ]]/gv

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
