import { spawn } from 'node:child_process'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BlockRecord, RecordFieldName } from '../../../agent/blocks/record.ts'
import { recordFields } from '../../../agent/blocks/record-fields.ts'
import { runCommand } from '../../../agent/cli.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { blockAt, blocks, journalWith, ndjson } from '../journal/blocks-journal.ts'
import { blocksCommand } from './blocks-run.ts'

/** The blocks that are asked for, as NDJSON gives them. */
async function asked(argv: readonly string[], journal: string): Promise<readonly BlockRecord[]> {
  const { code, out } = await blocksCommand([...argv, '--format', 'ndjson'], { journal })
  expect(code).toBe(0)
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

const numbers = (records: readonly BlockRecord[]) => records.map(({ height = 0 }) => height - 900_000)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

it.each(['compact_block_round_trip', 'round_trip'])('takes a path by the name that the table has for it: %s', async (name) => {
  const [first, second] = [blockAt(1), blockAt(2)]
  const journal = journalWith(
    ndjson([
      { ...first, path: 'compact_block_round_trip' },
      { ...second, path: 'compact_block' },
    ]),
  )
  expect(numbers(await asked(['--path', name], journal))).toEqual([1])
})

describe('of 1,050 blocks in three files', () => {
  const all = blocks(1050)
  const journal = () =>
    journalWith(ndjson(all.slice(800)), {
      '20261117T183000.000Z': ndjson(all.slice(0, 400)),
      '20261120T131000.000Z': ndjson(all.slice(400, 800)),
    })
  const { block_hash: hash } = blockAt(123)

  it.each([
    [[], range(1030, 1049)],
    [
      ['--last', '3'],
      [1047, 1048, 1049],
    ],
    [['--last=300'], range(750, 1049)],
    [['--hash', hash], [123]],
    [['--hash', hash.toUpperCase()], [123]],
    [['--hash', hash.slice(-6)], [123]],
    [['--hash', hash.slice(0, 30)], [123]],
    [['--hash', hash.slice(1, 30)], []],
    [['--height', '900123'], [123]],
    [
      ['--height', '900399-900401'],
      [399, 400, 401],
    ],
    [['--height', '1'], []],
    [['--since', '24h', '--until', '23h'], range(1068 - 144, 1068 - 139).filter((number) => number < 1050)],
    [['--since', '2026-11-22'], range(1008, 1049)],
    [
      ['--since', '2026-11-22T06:30', '--until', '2026-11-22T06:50'],
      [1047, 1048],
    ],
    [
      ['--since', '2026-11-22 07:30:00+01:00', '--last', '2'],
      [1048, 1049],
    ],
    [
      ['--since', '2026-11-22', '--until', '2026-11-22T00:20:00Z'],
      [1008, 1009],
    ],
    [['--node', 'nobody'], []],
    [['--node', 'nobody', '--node', 'fra1', '--last', '1'], [1049]],
    [
      ['--slow', '--since', '7d'],
      all.flatMap(({ reconstruction_ms: ms = 0, time }, number) => (ms >= 50 && time >= '2026-11-15T10' ? [number] : [])),
    ],
    [['--slow', '61.06'], all.flatMap(({ reconstruction_ms: ms = 0 }, number) => (ms >= 61.06 ? [number] : []))],
    [['--path', 'bip152_cmpct', '--last', '4'], all.flatMap(({ path }, number) => (path === 'bip152_cmpct' ? [number] : [])).slice(-4)],
    [['--pa=other', '--pa=no_race'], []],
  ])('%j are these', async (argv, expected) => {
    expect(numbers(await asked(argv, journal()))).toEqual(expected)
  })

  it('the newest are found without reading files that were rotated away before them: one is of 1 TiB', async () => {
    const path = journalWith(ndjson(all.slice(0, 30)), { '20261115T013000.000Z': '' })
    truncateSync(`${path}.20261115T013000.000Z`, 2 ** 40)
    expect(numbers(await asked([], path))).toEqual(range(10, 29))
  })
})

describe('blocks that were written in another order than they came in', () => {
  const written = (order: readonly number[]) => ndjson(order.map((number) => blockAt(number)))
  const journal = () => journalWith(written([3, 0, 2, 1, 5, 4]))

  it.each([
    [[], range(0, 5)],
    [['--last', '3'], range(3, 5)],
    [['--last', '3', '--height', '900000-900009'], range(3, 5)],
    [['--height', '900000-900009'], range(0, 5)],
    [['--since', '2026-11-15'], range(0, 5)],
    [['--node', 'fra1', '--last', '2', '--until', '2026-11-15T00:35'], range(2, 3)],
  ])('%j are the newest, in the order of their times', async (argv, expected) => {
    expect(numbers(await asked(argv, journal()))).toEqual(expected)
  })

  it('are the newest wherever they stand: old ones were replayed into the journal since', async () => {
    const replayed = range(0, 99).toReversed()
    const path = journalWith(written(replayed), {
      '20261120T000000.000Z': written([700, 699]),
      '20261116T000000.000Z': written([110, 120]),
    })
    expect(numbers(await asked(['--last', '4'], path))).toEqual([110, 120, 699, 700])
    expect(numbers(await asked(['--last', '6'], path))).toEqual([98, 99, 110, 120, 699, 700])
    expect(numbers(await asked(['--since', '2026-11-01'], path))).toEqual([...range(0, 99), 110, 120, 699, 700])
  })

  it('keep their order where their times are the same', async () => {
    const path = journalWith(ndjson(range(0, 9).map((number) => blockAt(number, { time: blockAt(5).time }))))
    expect(numbers(await asked(['--last', '4'], path))).toEqual(range(6, 9))
    expect(numbers(await asked(['--height', '900000-900009'], path))).toEqual(range(0, 9))
  })
})

it('prints the same records as JSON and as NDJSON, as the journal has them', async () => {
  const journal = journalWith(ndjson(blocks(3)))
  const { out } = await blocksCommand(['--format', 'json'], { journal })
  expect(JSON.parse(out)).toEqual(blocks(3))
  expect(await asked([], journal)).toEqual(blocks(3))
  expect((await blocksCommand(['--format', 'json', '--node', 'x'], { journal })).out).toBe('[]\n')
})

it('prints CSV with all fields, empty where they are not known', async () => {
  const journal = journalWith(
    ndjson([blockAt(0), { schema: 1, time: '2026-11-22T00:00:00.000000Z', node: 'n', block_hash: 'ab', path: 'unknown' }]),
  )
  const [header, full, sparse, end] = (await blocksCommand(['--format', 'csv'], { journal })).out.split('\r\n')
  expect(header?.split(',')).toEqual(Object.keys(recordFields))
  expect(full?.split(',').slice(0, 8)).toEqual([
    '1',
    blockAt(0).time,
    'fra1',
    blockAt(0).block_hash,
    '900000',
    blockAt(0).path,
    'both',
    blockAt(0).winner,
  ])
  expect(sparse).toBe(`1,2026-11-22T00:00:00.000000Z,n,ab,,unknown${','.repeat(Object.keys(recordFields).length - 6)}`)
  expect(end).toBe('')
})

describe('the table', () => {
  it('shows what is most important of a block where there is room for 80 columns', async () => {
    const journal = journalWith(ndjson([...blocks(3), { ...blockAt(3), head_start_ms: 1234.56, reconstruction_ms: 123.4 }, sparse]))
    const { out } = await blocksCommand([], { journal, columns: 80, noColor: true })
    expect(out).toMatchInlineSnapshot(`
      "time (UTC)           height  path          head start ms  reconstr ms  hash
      2026-11-15 00:00:00  900000  bip152_cmpct     cmpct 52.2          5.8  …bbe0e947
      2026-11-15 00:10:00  900001  fibre_udp      FIBRE ≥ 25.8         20.1  …3967c67f
      2026-11-15 00:20:00  900002  fibre_udp      FIBRE ≥ 87.1          2.0  …5eed6ea5
      2026-11-15 00:30:00  900003  fibre_udp      FIBRE 1234.6        123.4  …7de45aab
      2026-11-22 00:00:00       -  unknown                   -            -  …abababab
      "
    `)
  })

  it('shows what messages tell of a node without FIBRE, in place of what only FIBRE tells', async () => {
    const way = { path: 'compact_block_round_trip', first_sign_to_connected_ms: 161.24, requested_transactions: 12 } as const
    const stock = {
      schema: 1,
      time: '2026-11-22T00:00:00.000000Z',
      node: 'fra1',
      block_hash: 'ab'.repeat(32),
      height: 900_000,
      ...way,
    } as const
    const { out } = await blocksCommand([], { journal: journalWith(ndjson([stock])), columns: 80, noColor: true })
    expect(out).toMatchInlineSnapshot(`
      "time (UTC)      height  path        total ms  requested  hash       node
      11-22 00:00:00  900000  round_trip     161.2         12  …abababab  fra1
      "
    `)
  })

  it.each([100, 160, 400])('has no column that no block knows, however much room there is: %i columns', async (columns) => {
    const stock = { ...sparse, height: 900_000, path: 'compact_block', first_sign_to_connected_ms: 161.24, connect_ms: 12.3 } as const
    const { out } = await blocksCommand([], { journal: journalWith(ndjson([stock])), columns, noColor: true })
    const [heads] = out.split('\n').map((line) => line.split(/ {2,}/))
    expect(heads).toEqual(['time (UTC)', 'height', 'path', 'total ms', 'connect ms', 'hash', 'node'])
  })

  it('keeps head start and hash beside the longest path in 80 columns, and with several nodes the head start', async () => {
    const way = { path: 'compact_block_round_trip', head_start_ms: 1234.56, head_start_is_lower_bound: true } as const
    const journal = (node: string) => journalWith(ndjson([...blocks(2), { ...blockAt(3), ...way, node }]))
    const table = async (node: string) => (await blocksCommand([], { journal: journal(node), columns: 80, noColor: true })).out
    expect(await table('fra1')).toMatchInlineSnapshot(`
      "time (UTC)      height  path           head start ms  reconstr ms  hash
      11-15 00:00:00  900000  bip152_cmpct      cmpct 52.2          5.8  …bbe0e947
      11-15 00:10:00  900001  fibre_udp       FIBRE ≥ 25.8         20.1  …3967c67f
      11-15 00:30:00  900003  round_trip    FIBRE ≥ 1234.6          4.8  …7de45aab
      "
    `)
    expect(await table('nyc1')).toMatchInlineSnapshot(`
      "time (UTC)      height  path           head start ms  reconstr ms  node
      11-15 00:00:00  900000  bip152_cmpct      cmpct 52.2          5.8  fra1
      11-15 00:10:00  900001  fibre_udp       FIBRE ≥ 25.8         20.1  fra1
      11-15 00:30:00  900003  round_trip    FIBRE ≥ 1234.6          4.8  nyc1
      "
    `)
  })

  it('takes 80 columns, or those of COLUMNS, where the terminal reports none', async () => {
    const journal = journalWith(ndjson(blocks(3)))
    const out = async (columns: number, env = {}) => (await blocksCommand([], { journal, columns, env })).out
    expect(await out(0)).toBe(await out(80))
    expect(await out(0, { COLUMNS: '60' })).toBe(await out(60))
    expect(await out(100, { COLUMNS: '60' })).toBe(await out(100))
  })

  it('names the node early where there are several', async () => {
    const journal = journalWith(ndjson([blockAt(1), blockAt(1, { node: 'nyc1' })]))
    const { out } = await blocksCommand([], { journal, columns: 60, noColor: true })
    expect(out.split('\n').map((line) => line.split(/ +/).at(-1))).toEqual(['node', 'fra1', 'nyc1', ''])
    expect((await blocksCommand(['--node', 'fra1'], { journal, columns: 130, noColor: true })).out).not.toContain('node')
  })

  it.each([20, 40, 60, 79, 80, 100, 120, 160, 200, 400])('is not wider than a terminal of %i columns', async (columns) => {
    const journal = journalWith(ndjson([...blocks(20), { ...blockAt(20), winner_peer: 'x'.repeat(10_000) }]))
    const { out } = await blocksCommand([], { journal, columns, noColor: true })
    const lines = out.split('\n')
    expect(lines).toHaveLength(20 + 2)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
  })

  it('has all columns and whole hashes where it goes to a file or a pipe', async () => {
    const { out } = await blocksCommand([], { journal: journalWith(ndjson([blockAt(0)])) })
    const [heads, cells] = out.split('\n').map((line) => line.split(/ {2,}/))
    expect(heads).toEqual(
      ['time (UTC)', 'height', 'path', 'head start ms', 'reconstr ms', 'total ms', 'requested', 'missing txs'].concat([
        'chunks',
        'connect ms',
        'txs',
        'hash',
        'node',
        'pool',
        'winning peer',
      ]),
    )
    expect(cells).toEqual(
      ['2026-11-15 00:00:00', '900000', 'bip152_cmpct', 'cmpct 52.2', '5.8', '-', '-', '4'].concat([
        '304/348',
        '12.3',
        '2803',
        blockAt(0).block_hash,
        'fra1',
        'Foundry USA',
        '203.0.113.9:8333',
      ]),
    )
  })

  it('is coloured on a terminal, unless NO_COLOR is set', async () => {
    const journal = journalWith(ndjson([blockAt(0, { reconstruction_ms: 60 }), blockAt(1, { reconstruction_ms: 160 })]))
    const { out } = await blocksCommand([], { journal, columns: 80 })
    expect(out).toContain('\u001b[33m60.0\u001b[39m')
    expect(out).toContain('\u001b[31m160.0\u001b[39m')
    expect((await blocksCommand([], { journal, columns: 80, noColor: true })).out).not.toContain('\u001b')
    expect((await blocksCommand([], { journal })).out).not.toContain('\u001b')
  })

  it('has one header, also above more rows than are laid out together', async () => {
    const { out } = await blocksCommand(['--last', '1200'], { journal: journalWith(ndjson(blocks(1200))) })
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(1201)
    expect(lines.filter((line) => line.includes('height'))).toHaveLength(1)
  })
})

const sparse: BlockRecord = { schema: 1, time: '2026-11-22T00:00:00.000000Z', node: 'fra1', block_hash: 'ab'.repeat(32), path: 'unknown' }

describe('one block', () => {
  it.each([30, 80, 120, undefined])('is shown with all that is known and what it means, in %s columns', async (columns) => {
    const journal = journalWith(ndjson([...blocks(3), sparse]))
    for (const [record, argv] of [
      [blockAt(1), ['--height', '900001']],
      [sparse, ['--hash', 'ababab']],
    ] as const) {
      const { out } = await blocksCommand(argv, { journal, noColor: true, ...(columns && { columns }) })
      const [known = '', unknown = ''] = out.split('\n\n').map((part) => part.replace(/\s+/g, ' ').trim())
      const names = Object.keys(recordFields) as RecordFieldName[]
      const lines = names.flatMap((name) => (record[name] === undefined ? [] : [`${name} ${record[name]} ${recordFields[name].meaning}`]))
      expect(known).toBe(lines.join(' ').replaceAll('`', ''))
      expect(unknown).toBe(`Not known: ${names.filter((name) => record[name] === undefined).join(', ')}`)
    }
  })

  it.each([30, 60, 99, 100, 140])('keeps to the %i columns of a terminal, but for long values and words', async (columns) => {
    const { out } = await blocksCommand(['--height', '900001'], { journal: journalWith(ndjson(blocks(3))), columns, noColor: true })
    const tooLong = out.split('\n').filter((line) => line.length > Math.max(columns, 60))
    for (const line of tooLong) expect(line).toMatch(/^block_hash/)
  })

  it('is a table where two nodes have it', async () => {
    const journal = journalWith(ndjson([blockAt(1), blockAt(1, { node: 'nyc1' })]))
    const { out } = await blocksCommand(['--height', '900001'], { journal })
    expect(out.split('\n')[0]).toMatch(/^time \(UTC\) +height/)
    expect(out.match(/(fra1|nyc1)/g)).toEqual(['fra1', 'nyc1'])
  })
})

describe('where nothing can be answered', () => {
  it('says that no block fits, or that there is none yet, and ends well', async () => {
    const journal = journalWith(ndjson(blocks(3)))
    expect(await blocksCommand(['--height', '1'], { journal })).toEqual({
      code: 0,
      out: '',
      err: `fibre-agent: none of the 3 blocks in ${journal} fits\n`,
    })
    expect((await blocksCommand(['--slow', '1000'], { journal })).err).toMatch(
      /none of the 3 blocks in .* fits; --slow is about reconstructions from FIBRE chunks: of a node without FIBRE, --summary /,
    )
    const empty = journalWith('')
    expect(await blocksCommand([], { journal: empty })).toEqual({ code: 0, out: '', err: `fibre-agent: ${empty} holds no block yet\n` })
  })

  it.each([
    ['a text', 'Dear diary,\nnothing happened.\n'],
    ['a program', Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 2654435761) % 251))],
    ['another log', '{"level":30,"msg":"hello"}\n'.repeat(1000)],
  ])('refuses %s as a journal', async (_, content) => {
    const journal = journalWith(content)
    for (const argv of [[], ['--since', '1d'], ['--format', 'json'], ['--summary']]) {
      const { code, out, err } = await blocksCommand(argv, { journal })
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toMatch(
        /^fibre-agent: .*blocks.ndjson is no journal of fibre-agent: none of its \d+ lines is the record of a block; name .*--journal FILE\n$/,
      )
    }
  })

  it('ends with 1 where there is no journal, or none is wanted', async () => {
    const nowhere = join(temporaryDirectory(), 'blocks.ndjson')
    expect(await blocksCommand([], { journal: nowhere })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`no journal ${nowhere}`),
    })
    expect(await blocksCommand([], {})).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--journal FILE') })
  })

  it('reads another journal than that of the settings', async () => {
    const { out } = await blocksCommand(['--journal', journalWith(ndjson(blocks(1))), '--format', 'ndjson'], { journal: '/nowhere' })
    expect(JSON.parse(out)).toEqual(blockAt(0))
  })
})

it('prints what it can read and counts the lines that it cannot', async () => {
  const journal = journalWith(`${ndjson(blocks(2))}garbage\n${ndjson([blockAt(2)]).slice(0, 100)}`)
  const { code, out, err } = await blocksCommand(['--format', 'json'], { journal })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual(blocks(2))
  expect(err).toBe(`fibre-agent: 2 lines of ${journal} could not be read and are left out\n`)
})

describe('a reader that goes away', () => {
  it('is no fault: | head', async () => {
    const journal = journalWith(ndjson(blocks(5000)))
    const head = spawn('head', ['-n', '1'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const shown = head.stdout.toArray()
    const options = { folder: '/nowhere', env: { FIBRE_JOURNAL: journal }, stdout: head.stdin }
    expect(await runCommand({ ...options, argv: ['blocks', '--since', '2026-11-15'] })).toEqual({ exitCode: 0 })
    expect(Buffer.concat(await shown).toString()).toMatch(/^time \(UTC\).*\n$/)
  })
})
