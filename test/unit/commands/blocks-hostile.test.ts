import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { blockAt, journalWith, ndjson } from '../journal/blocks-journal.ts'
import { blocksCommand } from './blocks-run.ts'

const hostile = {
  'terminal escapes': '\u001b[2J\u001b]0;title\u0007\u009b31m',
  'line ends and tabs': 'a\nb\rc\td\u2028e\u0085f',
  'bidi controls': '\u202Egnp.exe\u202C \u2066\u200F',
  '10 kB': 'x'.repeat(10_000),
  '10 kB of wide characters': '七彩神仙鱼'.repeat(700),
  'combining marks': `Z${'\u0301\u0335\u20DD'.repeat(200)}algo`,
  'emoji and what joins them': '👩\u200D👩\u200D👧🇩🇪',
  'what is not seen': '\u00A0\u3000\u3164\u200B\uFEFF\u00AD\u{E0041}',
  'halves of characters': '\uD83D and \uDE00',
  'replacement characters': '\uFFFD\uFFFD',
  markup: '<script>alert(1)</script>',
  formulas: '=HYPERLINK("http://example.org","x")',
} as const
const cases = Object.entries(hostile)

/** A block with that text wherever others decide what it says. */
const blockWith = (text: string) =>
  blockAt(0, {
    node: text,
    winner: text,
    winner_peer: text,
    udp_peer: text,
    cmpct_peer: text,
    reconstruction_peer: text,
    pool: text,
    coinbase_text: text,
  })

/** Characters that a terminal does not show but acts on, joins or hides; no output may contain them. */
const unseen = /[[\p{C}\p{M}\p{Zl}\p{Zp}\u00A0\u3000\u3164]--[\n]]/v

/** Columns by an independent judge. */
function columnsOf(lines: readonly string[]): readonly number[] {
  const program = `import json, sys, unicodedata
print(json.dumps([sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in line) for line in json.load(sys.stdin)]))`
  return JSON.parse(execFileSync('python3', ['-c', program], { input: JSON.stringify(lines) }).toString())
}

const unicodeEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

describe('on a terminal, text of others', () => {
  it('keeps its columns in the table, and within the terminal', async () => {
    const rows = cases.map(([name, text], number) => blockAt(number, { node: text, pool: text, winner_peer: `PEER ${name}` }))
    const others = cases.map(([, text]) => ({ ...blockWith(text), time: blockAt(100).time }))
    const journal = journalWith(ndjson([...rows, ...others]))
    const { out } = await blocksCommand(['--last', '100'], { journal, columns: 400, noColor: true })
    expect(out).not.toMatch(unseen)
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(2 * cases.length + 1)
    expect(Math.max(...columnsOf(lines))).toBeLessThanOrEqual(400)
    const [head, ...before] = columnsOf(lines.slice(0, cases.length + 1).map((line) => line.split(/winning peer|PEER/)[0] ?? ''))
    expect(Object.fromEntries(cases.map(([name], index) => [name, before[index]]))).toEqual(
      Object.fromEntries(cases.map(([name]) => [name, head])),
    )
  })

  it.each(cases)('is visible or cut where one block is shown, and in the summary: %s', async (_, text) => {
    const journal = journalWith(ndjson([blockWith(text)]))
    for (const argv of [['--height', '900000'], ['--summary']]) {
      const { out } = await blocksCommand(argv, { journal, columns: 120, noColor: true })
      expect(out).not.toMatch(unseen)
      expect(out.length).toBeLessThan(12_000)
    }
  })

  it('is spelled as JSON spells it', async () => {
    const { out } = await blocksCommand(['--height', '900000'], { journal: journalWith(ndjson([blockWith(hostile['terminal escapes'])])) })
    expect(out).toContain(' \\u001b[2J\\u001b]0;title\\u0007\\u009b31m\n')
  })
})

it.each(cases)('JSON says the same and holds no control character: %s', async (_, text) => {
  const journal = journalWith(ndjson([blockWith(text)]))
  for (const format of ['json', 'ndjson']) {
    const { out } = await blocksCommand(['--format', format], { journal })
    expect([JSON.parse(out)].flat()).toEqual([blockWith(text)])
    expect(out).not.toMatch(/[[\p{C}\p{Zl}\p{Zp}]--[\n]]/v)
  }
})

describe('CSV', () => {
  it('is read by others as it was meant', async () => {
    const journal = journalWith(ndjson(cases.map(([, text], number) => blockAt(number, { coinbase_text: text, node: text }))))
    const { out } = await blocksCommand(['--format', 'csv'], { journal })
    expect(out).not.toMatch(/[[\p{C}\p{Zl}\p{Zp}]--[\r\n]]/v)
    const program =
      'import csv, io, json, sys; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline="")))))'
    const rows: Record<string, string>[] = JSON.parse(execFileSync('python3', ['-c', program], { input: out }).toString())
    const escaped = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => character.split('').map(unicodeEscape).join(''))
    const expected = cases.map(([, text]) => (text.startsWith('=') ? `'${text}` : escaped(text)))
    expect(rows.map(({ coinbase_text }) => coinbase_text)).toEqual(expected)
    expect(rows.map(({ block_hash }) => block_hash)).toEqual(cases.map((_, number) => blockAt(number).block_hash))
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '＋1', '－1', '＠1', '=1,"2"'])(
    'holds no formula: %j',
    async (text) => {
      const { out } = await blocksCommand(['--format', 'csv'], { journal: journalWith(ndjson([blockWith(text)])) })
      for (const cell of out.split(/\r\n/)[1]?.split(',') ?? []) expect(cell).not.toMatch(/^"?[=+\-@\t\r\n＝＋－＠]/)
      expect(out).toMatch(/,"?'/)
    },
  )

  it('has numbers as numbers, also negative ones', async () => {
    const journal = journalWith(ndjson([blockAt(0, { connected_to_winner_ms: -1.5 })]))
    expect((await blocksCommand(['--format', 'csv'], { journal })).out).toContain(',-1.5,')
  })
})
