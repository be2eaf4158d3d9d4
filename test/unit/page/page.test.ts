import { hash } from 'node:crypto'
import { expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import type { Snapshot } from '../../../agent/nodes/snapshot.ts'
import { hashOf } from '../blocks/events.ts'
import { node, quiet, recordOfWin } from './records.ts'
import { serveLive, wordsOf } from './serve-live.ts'

async function fetchPage(records: readonly BlockRecord[], snapshot: Snapshot = quiet) {
  const { get } = await serveLive(records, snapshot)
  const response = await get('/')
  const markup = await response.text()
  return { response, markup, words: wordsOf(markup) }
}

const sha256 = (text: string) => `sha256-${hash('sha256', text, 'base64')}`
const without = (record: BlockRecord, ...names: readonly (keyof BlockRecord)[]) =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.some((other) => other === name))) as unknown as BlockRecord
const fibreRace = [
  'first_started',
  'head_start_ms',
  'head_start_is_lower_bound',
  'reconstruction_ms',
  'chunks_used',
  'chunks_received',
] as const
const stages = [
  'started_to_reconstructed_ms',
  'reconstructed_to_validation_ms',
  'validation_ms',
  'first_sign_to_connected_ms',
  'slowest_stage',
] as const
const race = [...fibreRace, ...stages]
const ownBlock = { ...without(recordOfWin(5), ...race, 'missing_transactions'), path: 'no_race', coverage: 'none' } as const

it('shows the state of each node, its last block, and the counts since the agent started', async () => {
  const { words } = await fetchPage([])
  expect(words).toContain('All is well. 1 node is measured.')
  expect(words).toContain('node-a running Process 4242, /usr/local/bin/bitcoind')
  expect(words).toContain('Last block 912,345 2026-11-22 12:34:56 UTC')
  expect(words).toContain('Tracepoints 2 of 2 attached')
  expect(words).toContain('Events lost 0')
  expect(words).toContain('Since the agent started: 1,425 blocks connected, 913 won by FIBRE, 406 by compact blocks, 2 by neither.')
  expect(words).toContain('Version 1.2.3, started 2026-11-22 09:00:00 UTC')
})

it('shows that a recording is replayed, and when that has ended, and never that a node runs', async () => {
  const replayed = { ...node, process: { pid: 0, executable: 'events.jsonl' } }
  const during = await fetchPage([], { ...quiet, nodes: [{ ...replayed, replay: 'replaying' }] })
  expect(during.words).toContain('Replaying events.jsonl . No bitcoind is measured.')
  expect(during.words).toContain('node-a replaying Being replayed from events.jsonl')
  const after = await fetchPage([], { ...quiet, nodes: [{ ...replayed, replay: 'replayed' }] })
  expect(after.words).toContain('The replay has ended. All of events.jsonl is shown; no bitcoind is measured.')
  expect(after.words).toContain('node-a replay ended All of events.jsonl was replayed; nothing more comes')
  for (const { words } of [during, after]) expect(words).not.toMatch(/running|All is well|[Pp]rocess 0/)
})

it('shows of a node of --debug-log whether its log is read, and no process', async () => {
  const logged = { ...node, process: { pid: 0, executable: '/srv/debug.log' } }
  const { words } = await fetchPage([], { ...quiet, nodes: [logged] })
  expect(words).toContain('node-a log is read Log /srv/debug.log ; no process is known')
  expect(words).not.toMatch(/running|[Pp]rocess 0/)
  const probes = node.probes.map((probe) => ({ ...probe, attached: false, reason: '/srv/debug.log is not there' }))
  expect((await fetchPage([], { ...quiet, nodes: [{ ...logged, probes }] })).words).toContain('node-a log is not read Log /srv/debug.log')
})

it('explains, where its counter stands beside races, that a block that is connected again counts again', async () => {
  const { words } = await fetchPage([])
  expect(words).toContain(
    'A block that is connected again, after a crash or reorganisation, counts again as connected; its race and its record do not.',
  )
})

it('shows no number of connected blocks for a build without that tracepoint', async () => {
  const probes = node.probes.filter(({ probe }) => probe !== 'validation:block_connected')
  const { words } = await fetchPage([], { ...quiet, nodes: [{ ...node, probes, connected: 0 }] })
  expect(words).toContain(
    'Since the agent started: connections are not told of (validation:block_connected is not attached), 913 won by FIBRE',
  )
})

it('shows the win rate with its coverage, and how blocks came', async () => {
  const compact = recordOfWin(4, { path: 'bip152_cmpct', first_started: 'bip152_cmpct' })
  const { words } = await fetchPage([recordOfWin(1), recordOfWin(2), recordOfWin(3), compact, ownBlock])
  expect(words).toContain('FIBRE win rate 75% 3 of 4 races; 80% of blocks had one')
  expect(words).toContain('FIBRE 3 60% compact block 1 20% other 0 0% no race 1 20% unknown 0 0%')
  expect(words).toContain('Blocks counted here 5 since 2026-11-22 12:00:01 UTC')
})

it('gives the distributions of head starts and reconstruction as tables, for those who cannot see the bars', async () => {
  const { words } = await fetchPage([
    recordOfWin(1, { head_start_ms: 0.4, reconstruction_ms: 2 }),
    recordOfWin(2, { head_start_ms: 7, head_start_is_lower_bound: true, reconstruction_ms: 70 }),
    recordOfWin(3, { head_start_ms: 300, first_started: 'bip152_cmpct', reconstruction_ms: 50 }),
    recordOfWin(4, { head_start_ms: 8, reconstruction_ms: 900 }),
  ])
  expect(words).toContain('FIBRE first 3 , median ≥ 7.00 ms compact block first 1 , median 300 ms')
  expect(words).toContain(
    'Head start, ms ms FIBRE first FIBRE first, at least compact block first compact block first, at least ' +
      '<1 1 0 0 0 1–2.5 0 0 0 0 2.5–5 0 0 0 0 5–10 1 1 0 0 10–25 0 0 0 0 25–50 0 0 0 0 50–100 0 0 0 0 100–250 0 0 0 0 ≥250 0 0 1 0',
  )
  expect(words).toContain('Reconstruction 50.0 ms median; 95%: 900 ms, 99%: 900 ms')
  expect(words).toContain('Slow blocks 3 1 of them very slow')
  expect(words).toContain('ms not slow slow very slow <2.5 1 0 0')
  expect(words).toContain('50–100 0 2 0 100–250 0 0 0 250–500 0 0 0 ≥500 0 0 1')
})

it('shows each block in a row, newest first, slow ones in words', async () => {
  const { words } = await fetchPage([
    recordOfWin(1, { reconstruction_ms: 50 }),
    recordOfWin(2, { reconstruction_ms: 123.4, head_start_is_lower_bound: true }),
    ownBlock,
  ])
  const common = '31 of 45 4 – – 34.4 ms 21.4 ms Foundry USA'
  expect(words).toContain(
    'Height Time Node Hash Path Head start Reconstruction Chunks Missing tx Announced by Requested tx To connected Connect Pool ' +
      '900,005 2026-11-22 12:00:05 UTC node-a …0000000005 no race – – – – – – – 21.4 ms Foundry USA ' +
      `900,002 2026-11-22 12:00:02 UTC node-a …0000000002 FIBRE FIBRE ≥ 5.25 ms 123 ms very slow ${common} ` +
      `900,001 2026-11-22 12:00:01 UTC node-a …0000000001 FIBRE FIBRE 5.25 ms 50.0 ms slow ${common}`,
  )
})

it('shows a block that is not closed yet, with an ellipsis for what is still to come', async () => {
  const { live, get } = await serveLive()
  live.update({ ...without(ownBlock, 'coverage', 'pool'), path: 'unknown' }, false)
  expect(wordsOf(await (await get('/')).text())).toContain('900,005 2026-11-22 12:00:05 UTC node-a …0000000005 … … … … … … … … 21.4 ms …')
})

it('shows which tracepoints are attached, and why others are not', async () => {
  const probes = [...node.probes, { probe: 'udp:block_coinbase', offered: false, attached: false, reason: 'not in this binary' }]
  const { words } = await fetchPage([], { ...quiet, nodes: [{ ...node, probes }] })
  expect(words).toContain('2 of 3 attached')
  expect(words).toContain('udp:block_reconstructed attached')
  expect(words).toContain('udp:block_coinbase missing: not in this binary')
})

const stock = {
  ...quiet,
  nodes: [{ ...node, hasFibre: false, probes: [{ probe: 'validation:block_connected', offered: true, attached: true }] }],
}

it('shows a node without FIBRE by what messages tell, and nothing that only FIBRE would', async () => {
  const record = (number: number, fields: Partial<BlockRecord>): BlockRecord => ({
    ...without(recordOfWin(number), ...race, 'winner', 'coverage', 'missing_transactions'),
    announced_by: 'peer=12',
    first_sign_to_connected_ms: 40,
    ...fields,
  })
  const { words, markup } = await fetchPage(
    [
      record(1, { path: 'compact_block' }),
      record(2, { path: 'compact_block' }),
      record(3, { path: 'compact_block_round_trip', requested_transactions: 7, first_sign_to_connected_ms: 300 }),
      record(4, { path: 'full_block', first_sign_to_connected_ms: 900 }),
    ],
    stock,
  )
  expect(words).toContain('Without a round trip 67% 2 of 3 compact blocks')
  expect(words).toContain('First sign to connected 40.0 ms median; 95%: 900 ms')
  expect(words).toContain('compact block, no round trip 2 50% compact block, round trip 1 25% full block 1 25%')
  expect(words).toContain('compact block, round trip – – – – peer=12 7 300 ms 21.4 ms')
  expect(words).toContain('compact block, no round trip – – – – peer=12 0 40.0 ms 21.4 ms')
  const card = markup.slice(markup.indexOf('<section'), markup.indexOf('</section>'))
  expect(wordsOf(card)).toContain('Since the agent started: 1,425 blocks connected.')
  expect(wordsOf(card)).not.toMatch(/FIBRE|\brace|\bw[io]n\b|[Hh]ead start|[Cc]hunk|[Rr]econstruct/)
  expect(markup).toContain('class="card stock"')
  expect((await fetchPage([])).markup).toContain('class="card with-fibre"')
})

it('counts by path the blocks that were connected, and beside them those that never were', async () => {
  const never = (number: number) => without(recordOfWin(number, { path: 'unknown' }), 'connected_at')
  const { words } = await fetchPage([recordOfWin(1), recordOfWin(2), recordOfWin(3, { path: 'unknown' }), never(4), never(5)])
  expect(words).toContain('FIBRE 2 67% compact block 0 0% other 0 0% no race 0 0% unknown 1 33%')
  expect(words).toContain('Never connected: 2 more, competing or a header alone')
  expect((await fetchPage([recordOfWin(1)])).words).not.toContain('Never connected')
})

it('names the ranges of times so briefly that the names have room below the bars', async () => {
  const { markup } = await fetchPage([recordOfWin(1, { path: 'compact_block', first_sign_to_connected_ms: 3000 })], stock)
  const chart = markup.slice(markup.indexOf('First sign to connected, ms'))
  const names = [...chart.slice(0, chart.indexOf('</svg>')).matchAll(/<text[^>]*>([^<]*[^<\d][^<]*)</g)].map(([, name]) => name)
  expect(names).toEqual(['&#60;25', '25–50', '50–100', '100–250', '250–500', '0.5–1 s', '1–2.5 s', '2.5–5 s', '≥5 s'])
  expect(wordsOf(chart)).toContain('2500–5000 1 ≥5000 0')
})

it('takes no block that FIBRE brought, before the node lost it, for one that a peer announced', async () => {
  const announced = recordOfWin(2, { path: 'compact_block', first_sign_to_connected_ms: 40 })
  const { words } = await fetchPage([recordOfWin(1, { first_sign_to_connected_ms: 5 }), announced], stock)
  expect(words).toContain('First sign to connected 40.0 ms median; 95%: 40.0 ms')
  expect(words).toContain('from the first announcement by a peer 1 ')
})

it('does not make up figures before the first block', async () => {
  const none = { connected: 0, wins: { fibre_udp: 0, bip152_cmpct: 0, other: 0 }, lastHeight: undefined, lastBlockAt: undefined }
  const { words } = await fetchPage([], { ...quiet, nodes: [{ ...node, ...none }] })
  expect(words).toContain('Last block none yet')
  expect(words).toContain('No block yet: rates and distributions show here with the first one.')
  expect(words).toContain('No block yet. The next one shows here as soon as a node connects it.')
  expect(words).not.toMatch(/NaN|undefined|win rate/)
})

it('shows first what is wrong', async () => {
  const reasons = ['no bitcoind is running; waiting for one']
  const warnings = ['the journal cannot be written: no space left on device']
  const { markup, words } = await fetchPage([], {
    ...quiet,
    readiness: { ready: false, reasons },
    warnings,
    nodes: [],
    pushing: 'http://c:4318',
  })
  expect(markup).toContain('<title>Not ready: FIBRE agent</title>')
  expect(words).toContain(`Not ready ${reasons[0]} ${warnings[0]}`)
  expect(words).toContain('No bitcoind has been seen since the agent started.')
  expect(words).toContain('also pushed to http://c:4318')
})

it('shows warnings while blocks are measured', async () => {
  const { words } = await fetchPage([], {
    ...quiet,
    nodes: [{ ...node, lost: new Map([['block_connected', 1_200]]) }],
    warnings: ['the journal is full'],
  })
  expect(words).toContain('Ready , but: the journal is full node-a: 1,200 events were lost since the agent started, so figures are too low')
})

it('shows all that is known of a block on a page of its own, which rows link to', async () => {
  const { get } = await serveLive([recordOfWin(1), recordOfWin(1, { node: 'node-b', height: 900_002 })])
  const [link] = /block\?hash=\w+/.exec(await (await get('/')).text()) ?? []
  expect(link).toBe(`block?hash=${hashOf(1)}`)
  const words = wordsOf(await (await get(`/${link}`)).text())
  for (const [name, value] of Object.entries(recordOfWin(1))) {
    const written = { true: 'yes', false: 'no' }[String(value)] ?? String(value)
    expect(words).toContain(` ${name} ${written} `)
  }
  expect(words).toContain('height 900002 ')
})

it.each([
  ['', 400, 'hash has to be the hash of a block: 64 hex digits.\n'],
  ['?hash=12', 400, 'hash has to be the hash of a block: 64 hex digits.\n'],
  [`?hash=${hashOf(9)}`, 404, 'This block is not held: it is older, or was never seen.\n'],
])('explains what is wrong with /block%s', async (query, status, words) => {
  const { get } = await serveLive([recordOfWin(1)])
  const response = await get(`/block${query}`)
  expect([response.status, await response.text()]).toEqual([status, words])
})

const evil = `"'><script>alert(1)</script>&\u202e\u001b[2J\r\nevent: content`

it('lets no value become markup, control the terminal or turn the line', async () => {
  const fields = { node: evil, winner: evil, winner_peer: evil, pool: evil, coinbase_text: evil.repeat(200) }
  const { get } = await serveLive([recordOfWin(1, fields)], {
    ...quiet,
    version: evil,
    readiness: { ready: false, reasons: [evil] },
    nodes: [
      {
        ...node,
        node: evil,
        process: { pid: 1, executable: evil },
        probes: [{ probe: evil, offered: false, attached: false, reason: evil }],
      },
    ],
    pushing: evil,
  })
  for (const path of ['/', `/block?hash=${hashOf(1)}`]) {
    const markup = await (await get(path)).text()
    expect(markup.match(/<script/g) ?? []).toHaveLength(path === '/' ? 1 : 0)
    for (const bad of ['\u202e', '\u001b', '\r', 'alert(1)<', '\nevent:']) expect(markup).not.toContain(bad)
    expect(markup).toContain(
      '&#34;&#39;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;⟨U+202E⟩⟨U+001B⟩[2J⟨U+000D⟩⟨U+000A⟩event: content',
    )
    expect(markup.length).toBeLessThan(40_000)
  }
})

it('cuts what is too long, and says where all of it is', async () => {
  const { get } = await serveLive([recordOfWin(1, { coinbase_text: 'é'.repeat(10_000) })])
  const words = wordsOf(await (await get(`/block?hash=${hashOf(1)}`)).text())
  expect(words).toContain(`coinbase_text ${'é'.repeat(299)}… (10,000 characters; the JSON has them all)`)
})

it('is below 100 kB with 100 blocks, however hostile, and shows no more', async () => {
  const hostile = { pool: '"'.repeat(10_000), node: 'node-a', coinbase_text: '"'.repeat(10_000), reconstruction_ms: 123_456.789 }
  const { markup } = await fetchPage(Array.from({ length: 150 }, (_, i) => recordOfWin(i, hostile)))
  expect(markup.match(/<tr id=/g)).toHaveLength(100)
  expect(Buffer.byteLength(markup)).toBeLessThan(100_000)
})

it('needs nothing but itself, and says so to the browser', async () => {
  const { response, markup } = await fetchPage([recordOfWin(1)])
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const policy = response.headers.get('content-security-policy')
  const [style, script] = ['style', 'script'].map((tag) => sha256(new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 's').exec(markup)?.[1] ?? ''))
  expect(policy).toContain(`default-src 'none'; style-src '${style}'; script-src '${script}'; connect-src 'self'; base-uri 'none'`)
  expect(markup).not.toMatch(/<img|<link|url\(|src=|style=|https?:/)
  expect(markup.match(/href="[^"]*"/g)).toEqual([
    `href="block?hash=${hashOf(1)}"`,
    'href="metrics"',
    'href="api/v1/status"',
    'href="api/v1/blocks"',
  ])
})

it('names the columns alike in the table and, for narrow screens, in the style', async () => {
  const { markup } = await fetchPage([])
  const inTable = [...markup.matchAll(/<th scope="col">([^<]+)<\/th>/g)].map(([, name]) => name)
  const inStyle = [...markup.matchAll(/#blocks td:nth-child\((\d+)\)::before \{\s*content: "([^"]+)"/g)].map(([, at, name]) => [at, name])
  expect(inStyle).toEqual(inTable.slice(1).map((name, i) => [String(i + 2), name]))
})

it('refreshes itself without script, and says so', async () => {
  const { markup } = await fetchPage([])
  expect(markup).toContain('<noscript>Refreshes itself every 10 seconds</noscript>')
  expect(markup).toContain('<noscript><meta http-equiv="refresh" content="10"></noscript>')
})
