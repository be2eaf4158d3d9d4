import { describe, expect, it } from 'vitest'
import { blocks, journalWith, ndjson } from '../journal/blocks-journal.ts'
import { blocksCommand } from './blocks-run.ts'

describe('a wrong command line is refused with exit code 2, and what to do', () => {
  const when = 'must be a time ago such as 90m, 24h or 7d, or a UTC date or time such as 2026-11-22 or 2026-11-22T10:15'
  const hash = 'must be the 64 hex digits of a block hash, or at least 6 from its beginning or end'
  const height = 'must be a height such as 900123, or a range such as 900000-900143'

  it.each([
    [['--lsat', '5'], '--lsat: there is no such flag; did you mean --last?'],
    [['--hieght=5'], '--hieght: there is no such flag; did you mean --height?'],
    [['--frobnicate'], '--frobnicate: there is no such flag'],
    [['-x'], '-x: there is no such flag'],
    [['-last', '5'], '-last: there is no such flag; did you mean --last?'],
    [['--s'], '--s: could be --slow, --since, --summary'],
    [['900123'], '"900123": is no flag; blocks are named by --hash or --height'],
    [['--', '--last'], '"--last": is no flag; blocks are named by --hash or --height'],
    [['--last'], '--last: needs a value; one that begins with - is given as --last=VALUE'],
    [['--last', '--summary'], '--last: needs a value; one that begins with - is given as --last=VALUE'],
    [['--last', 'all'], '--last: must be a whole number from 1 to 100000, not "all"'],
    [['--last', '0'], '--last: must be a whole number from 1 to 100000, not "0"'],
    [['--last', '-5'], '--last: must be a whole number from 1 to 100000, not "-5"'],
    [['--last='], '--last: must be a whole number from 1 to 100000'],
    [['--slow', 'very'], '--slow: must be a number of milliseconds, not "very"'],
    [['--since', 'yesterday'], `--since: ${when}, not "yesterday"`],
    [['--since', '24'], `--since: ${when}, not "24"`],
    [['--since', '2026-02-30'], `--since: ${when}, not "2026-02-30"`],
    [['--until', '2026-11-22T25:00'], `--until: ${when}, not "2026-11-22T25:00"`],
    [['--until', '22.11.2026'], `--until: ${when}, not "22.11.2026"`],
    [['--since', '1h', '--until', '2h'], '--until: must be later than --since'],
    [['--hash', 'not a hash'], `--hash: ${hash}, not "not a hash"`],
    [['--hash', 'abcde'], `--hash: ${hash}, not "abcde"`],
    [['--hash', 'a'.repeat(65)], `--hash: ${hash}, not "${'a'.repeat(65)}"`],
    [['--height', '-1'], `--height: ${height}, not "-1"`],
    [['--height', '1-x'], `--height: ${height}, not "1-x"`],
    [['--height', '9-5'], '--height: must be a range from the lower height to the higher one, not "9-5"'],
    [
      ['--path', 'fibre'],
      '--path: must be one of fibre_udp, bip152_cmpct, other, no_race, unknown, compact_block, compact_block_round_trip, full_block, mined_here, not "fibre"',
    ],
    [['--node', ''], '--node: must not be empty'],
    [['--format', 'xml'], '--format: must be table, json, ndjson or csv, not "xml"'],
    [['--summary', '--format', 'csv'], '--format: a summary is a table or json'],
    [['--summary', '--json'], '--json: there is no such flag; write --format json'],
    [['--csv'], '--csv: there is no such flag; write --format csv'],
    [['--summary=yes'], '--summary: takes no value'],
    [['--journal', 'none'], '--journal: must name the journal to read (./none for a file of that name), not "none"'],
  ])('%j', async (argv, problem) => {
    const { code, out, err } = await blocksCommand(argv, { journal: '/nowhere' })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toBe(`fibre-agent: blocks cannot be asked for in this way:\n  ${problem}\nAll flags: fibre-agent blocks --help\n`)
  })

  it('with all that is wrong at once', async () => {
    const { err } = await blocksCommand(['--last', 'x', '--frobnicate', '7', '--hash', 'y'], { journal: '/nowhere' })
    expect(err.match(/^ {2}\S+/gm)).toEqual(['  --last:', '  --frobnicate:', '  --hash:'])
  })
})

describe('the help', () => {
  it.each([['--help'], ['-h'], ['--last', 'x', '--help']])('is printed for %s %s %s', async (...argv) => {
    const { code, out, err } = await blocksCommand(argv, {})
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const flag of ['--last N', '--slow [MS]', '--height H[-H]', '-h, --help']) expect(out).toContain(`  ${flag}\n`)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('has examples that work', async () => {
    const { out } = await blocksCommand(['--help'], {})
    const examples = [...out.matchAll(/^ {2}fibre-agent blocks ?([^>\n]*)/gm)].map(([, words = '']) => words.split(' ').filter(Boolean))
    expect(examples.length).toBeGreaterThan(5)
    for (const argv of examples) expect(await blocksCommand(argv, { journal: journalWith(ndjson(blocks(200))) })).toMatchObject({ code: 0 })
  })
})
