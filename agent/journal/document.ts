import { recordFields } from '../blocks/record-fields.ts'

/** The fields of a record as a Markdown table, for the journal's reference. */
export function recordTable(): string {
  const rows = Object.entries(recordFields).map(([name, { kind, meaning }]) => [`\`${name}\``, kind, meaning.replaceAll('|', '\\|')])
  return [['Field', 'Kind', 'Meaning'], ['---', '---', '---'], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
