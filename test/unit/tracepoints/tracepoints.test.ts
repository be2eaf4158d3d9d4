import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  defineBlockTracepoint,
  defineTracepoint,
  hexHash,
  integer,
  type Kind,
  knownNumbers,
  knownTexts,
  text,
} from '../../../agent/tracepoints/define.ts'
import { recordedTracepoints, requiredProbes, type TracepointEvent, tracepoints } from '../../../agent/tracepoints/index.ts'
import { eventOf, tracepointOf } from '../blocks/events.ts'
import { openPage } from '../metrics/page.ts'

/** Arguments as the FIBRE node's source has them, written down by hand; `?` marks what only newer builds pass. */
const sources = {
  'udp:block_reconstructed': 'hexHash text integer integer integer integer integer?',
  'udp:block_reconstruction_detail': 'hexHash integer integer integer integer integer integer',
  'udp:block_send_start': 'hexHash integer',
  'udp:block_coinbase': 'hexHash longText',
  'udp:block_header_chunk': 'hashPrefix integer integer integer integer',
  'udp:block_race_winner': 'rawHash integer text text',
  'udp:block_race_time': 'rawHash integer integer text integer text',
  'validation:block_connected': 'rawHash integer integer integer integer integer',
} as const

/** The argument list of a real node's notes, as `readelf -n` printed them. The node is an older build. */
function argumentsInNotes(probe: string): readonly string[] | undefined {
  const notes = readFileSync(join(import.meta.dirname, '../../fixtures/usdt-notes.txt'), 'utf8')
  const [provider, name] = probe.split(':')
  return new RegExp(`Provider: ${provider}\n\\s+Name: ${name}\n.*\n\\s+Arguments: (.*)`).exec(notes)?.[1]?.split(' ')
}

it.each(Object.entries(sources))('%s of a FIBRE node has the arguments that bitcoind passes, in order', (probe, expected) => {
  const { args, isOfBlock } = tracepointOf(probe as TracepointEvent['probe'])
  const kinds = Object.values(args).map(({ kind, optional }) => kind + (optional ? '?' : ''))
  expect(kinds.join(' ')).toBe(expected)
  expect(isOfBlock).toBe(true)
})

it('no tracepoint is known twice, by its probe or in the label event_type', () => {
  const count = (name: 'probe' | 'eventType') => new Set(tracepoints.map((tracepoint) => tracepoint[name])).size
  expect([count('probe'), count('eventType')]).toEqual([tracepoints.length, tracepoints.length])
})

it('metrics of proposed tracepoints say in their help that they stay 0 elsewhere, and no others do', () => {
  const helps = tracepoints.flatMap(({ metrics }) => metrics.map(({ name, help }) => ({ name, help })))
  expect(helps.filter(({ help }) => help.includes('elsewhere it stays 0')).map(({ name }) => name)).toEqual([
    'bitcoin_new_block_headers_total',
    'bitcoin_compact_block_transactions_total',
  ])
  for (const { help } of helps.filter(({ name }) => /new_block_headers|compact_block_trans/.test(name)))
    expect(help).toMatch(
      /; only of builds with net:\w+, which is proposed for Bitcoin Core \(bitcoin\/bitcoin#35368\), or by --source log: /,
    )
})

describe.each(recordedTracepoints)('$probe', ({ probe, args, metrics }) => {
  it('fits a record of the kernel program: 12 numbers, and texts that begin in the first 3 of 4 slots', () => {
    const ofKind = { integer: 0, hashPrefix: 0, shortText: 0.25, bytes: 0.75, text: 1, hexHash: 1, rawHash: 1, longText: 2 }
    const taken: Readonly<Record<Kind, number>> = ofKind
    const pointers = Object.values(args).filter(({ kind }) => taken[kind] > 0)
    const lastBegins = pointers.slice(0, -1).reduce((slot, { kind }) => slot + taken[kind], 0)
    expect(Object.keys(args).length).toBeLessThanOrEqual(12)
    expect(lastBegins).toBeLessThanOrEqual(2)
  })

  it('measures only that it came, and when, if none of its fields could be read', async () => {
    const page = await openPage()
    const nothing = await page.scrape()
    page.hit(eventOf(probe, { unixSeconds: 1_800_000_000 }))
    const names = new Set(metrics.map(({ name }) => name))
    const changed = (await page.scrape()).samples.filter(
      ({ name, labels, value }) => names.has(name.replace(/_(bucket|sum|count)$/, '')) && nothing.value(name, labels) !== value,
    )
    const cameAndWhen = ({ name, value }: (typeof changed)[number]) =>
      /_(total|timestamp_seconds)$/.test(name) && [1, 1_800_000_000].includes(value)
    expect(changed.filter((sample) => !cameAndWhen(sample))).toEqual([])
  })
})

it.each([
  ['udp:block_reconstructed', 'fibre_blocks_reconstructed_total'],
  ['udp:block_send_start', 'fibre_blocks_sent_total'],
  ['validation:block_connected', 'bitcoin_blocks_connected_total'],
] as const)('a hit of %s counts even if none of its fields could be read', async (probe, name) => {
  const page = await openPage()
  page.hit(eventOf(probe, {}))
  expect((await page.scrape()).value(name)).toBe(1)
})

describe.each(tracepoints.filter(({ probe }) => argumentsInNotes(probe)))('$probe of a real node', ({ probe, args }) => {
  it('passes as many arguments, and pointers where we take texts and hashes', () => {
    const passed = argumentsInNotes(probe)
    const fields = Object.values(args)
    const required = fields.filter(({ optional }) => !optional)
    expect(passed?.length).toBeGreaterThanOrEqual(required.length)
    expect(passed?.length).toBeLessThanOrEqual(fields.length)
    passed?.forEach((argument, i) => {
      if (fields[i]?.kind !== 'integer') expect(argument).toMatch(/^8@/)
    })
  })
})

it('those that every FIBRE node has are in the notes of a real one', () => {
  expect([...requiredProbes]).toEqual(
    expect.arrayContaining(['udp:block_race_time', 'udp:block_race_winner', 'validation:block_connected']),
  )
  for (const probe of requiredProbes) expect([probe, argumentsInNotes(probe)]).toEqual([probe, expect.any(Array)])
})

describe('a definition', () => {
  const described = { group: 'net', description: '' } as const

  it('gives a tracepoint its name in the label event_type: that of FIBRE alone, of others with their provider', () => {
    const args = { peer: text('Peer.') }
    const eventTypes = ['udp:sent', 'validation:sent', 'net:sent'].map((probe) => defineTracepoint({ probe, ...described, args }).eventType)
    expect(eventTypes).toEqual(['sent', 'sent', 'net_sent'])
    expect(defineTracepoint({ probe: 'net:sent', eventType: 'out', ...described, args }).eventType).toBe('out')
  })

  it('says whether a tracepoint is required, tells of a block, and is counted', () => {
    const args = { blockHash: hexHash('Hash.'), size: integer('Size.') }
    expect(defineBlockTracepoint({ probe: 'net:block', ...described, args, required: true })).toMatchObject({
      required: true,
      isOfBlock: true,
      metrics: [],
    })
    const counted = defineTracepoint({ probe: 'net:sent', ...described, args, counted: { sums: ['size'] } })
    expect(counted).toMatchObject({ required: false, isOfBlock: false, counted: { sums: ['size'] } })
  })
})

// Each of these has to be an error for the compiler, or the compiler complains of the line.
it('takes a block tracepoint only with a hash, sums only of numbers, and labels of what is known of an argument of that type', () => {
  const args = { peer: text('Peer.'), size: integer('Size.') }
  // @ts-expect-error
  defineBlockTracepoint({ probe: 'net:sent', group: 'net', description: '', args })
  // @ts-expect-error
  defineTracepoint({ probe: 'net:sent', group: 'net', description: '', args, counted: { sums: ['peer'] } })
  // @ts-expect-error
  defineTracepoint({ probe: 'net:sent', group: 'net', description: '', args, counted: { by: { size: knownTexts(['a']) } } })
  // @ts-expect-error
  defineTracepoint({ probe: 'net:sent', group: 'net', description: '', args, counted: { by: { peer: knownNumbers('a') } } })
  const histogram = { of: 'size', bounds: [1] } as const
  // @ts-expect-error
  defineTracepoint({ probe: 'net:sent', group: 'net', description: '', args, counted: { sums: [], histogram } })
  const by = { peer: knownTexts(['a']) }
  // @ts-expect-error
  defineTracepoint({ probe: 'net:sent', group: 'net', description: '', args, counted: { by }, recorded: { where: 'size', is: ['a'] } })
})
