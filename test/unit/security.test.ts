import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')

/** Names of tests and the file that they are said to be in: `one` and `other` in [x.test.ts](test/x.test.ts). */
const named = [...text.matchAll(/((?:`[^`]+`(?:,| and)? )+)in \[[^\]]+\]\(([^)]+)\)/g)].flatMap(([, names = '', file = '']) =>
  [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => [name, file] as const),
)

describe('SECURITY.md', () => {
  it.each(named)('names a test that there is: %s', (name, file) => {
    const [start = ''] = name.split('…')
    expect(readFileSync(join(root, file), 'utf8')).toContain(start)
  })

  it('links files that there are', () => {
    const files = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, file = '']) => file)
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  it('names a test in each row and statement', () => {
    const statements = text
      .split('\n')
      .filter((line) => /^(\| [A-Z]|- [A-Z]|All together)/.test(line) && !/^\| What |^- The kernel|^- Nobody/.test(line))
    expect(statements.length).toBeGreaterThan(10)
    for (const statement of statements) expect(statement).toContain('.test.ts)')
  })
})
