import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Commands that stand together on the page, and the word that says what they take besides a shell: empty for those that need nothing. */
export interface Block {
  readonly section: string
  readonly needs: string
  readonly commands: string
}

const text = readFileSync(join(import.meta.dirname, '../../agent/packaging/README.md'), 'utf8')

/** The installation page, by its sections. */
export const sections: ReadonlyMap<string, string> = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n'))]),
)

/** All commands of the page, in its order. */
export const blocks: readonly Block[] = [...sections].flatMap(([section, content]) =>
  [...content.matchAll(/^```sh ?(.*)\n([\s\S]*?)^```$/gm)].map(([, needs = '', commands = '']) => ({ section, needs, commands })),
)

/** Pieces of the page that are set as code, outside of blocks and tables. */
export const inlineCode: readonly string[] = [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
  ([, code = '']) => code,
)

/** Rows of the table in a section, without its head. */
export function tableOf(section: string): readonly (readonly string[])[] {
  const rows = (sections.get(section) ?? '').split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
