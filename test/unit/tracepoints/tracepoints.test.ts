import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defineTracepoint, type Kind, text } from '../../../agent/tracepoints/define.ts'
import { requiredProbes, tracepoints } from '../../../agent/tracepoints/index.ts'
import { eventOf } from '../blocks/events.ts'
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

/** The argument list of a real node's notes, as `readelf -n` printed them. */
function argumentsInNotes(probe: string): readonly string[] | undefined {
  const notes = readFileSync(join(import.meta.dirname, '../../fixtures/usdt-notes.txt'), 'utf8')
  const [provider, name] = probe.split(':')
  return new RegExp(`Provider: ${provider}\n\\s+Name: ${name}\n.*\n\\s+Arguments: (.*)`).exec(notes)?.[1]?.split(' ')
}

it('all tracepoints of a FIBRE node are known, and none twice', () => {
  expect(tracepoints.map(({ probe }) => probe).toSorted()).toEqual(Object.keys(sources).toSorted())
})

describe.each(tracepoints)('$probe', ({ probe, args, metrics }) => {
  it('has the arguments that bitcoind passes, in order', () => {
    expect(
      Object.values(args)
        .map(({ kind, optional }) => kind + (optional ? '?' : ''))
        .join(' '),
    ).toBe(sources[probe])
  })

  it('fits a record of the kernel program: 12 numbers, and texts that begin in the first 3 of 4 slots', () => {
    const taken: Readonly<Record<Kind, number>> = { integer: 0, hashPrefix: 0, text: 1, hexHash: 1, rawHash: 1, longText: 2 }
    const pointers = Object.values(args).filter(({ kind }) => taken[kind] > 0)
    const lastBegins = pointers.slice(0, -1).reduce((slot, { kind }) => slot + taken[kind], 0)
    expect(Object.keys(args).length).toBeLessThanOrEqual(12)
    expect(lastBegins).toBeLessThanOrEqual(2)
  })

  it('measures only that it came when none of its fields could be read', async () => {
    const page = await openPage()
    const nothing = await page.scrape()
    page.hit(eventOf(probe, { unixSeconds: 1_800_000_000 }))
    const names = new Set(metrics.map(({ name }) => name))
    const changed = (await page.scrape()).samples.filter(
      ({ name, labels, value }) => names.has(name.replace(/_(bucket|sum|count)$/, '')) && nothing.value(name, labels) !== value,
    )
    const expected = metrics.filter(({ name }) =>
      /^(fibre_blocks_(reconstructed|sent)|bitcoin_blocks_connected)_total$|_timestamp_seconds$/.test(name),
    )
    expect(changed.map(({ name }) => name)).toEqual(expected.map(({ name }) => name))
  })
})

// The node that the notes were taken from is an older build.
describe.each(tracepoints.filter(({ probe }) => probe !== 'udp:block_reconstruction_detail'))(
  '$probe of a real node',
  ({ probe, args }) => {
    it('passes as many arguments, and pointers where we take texts and hashes', () => {
      const passed = argumentsInNotes(probe)
      const required = Object.values(args).filter(({ optional }) => !optional)
      expect(passed).toHaveLength(required.length)
      required.forEach(({ kind }, i) => {
        if (kind !== 'integer') expect(passed?.[i]).toMatch(/^8@/)
      })
    })
  },
)

it('those that every FIBRE node has are among them', () => {
  expect([...requiredProbes]).toEqual(
    expect.arrayContaining(['udp:block_race_time', 'udp:block_race_winner', 'validation:block_connected']),
  )
  for (const probe of requiredProbes) expect(Object.keys(sources)).toContain(probe)
})

it('a tracepoint is called by its name in the label event_type, unless it says otherwise', () => {
  const described = { description: '', args: { peer: text('Peer.') } }
  expect(defineTracepoint({ probe: 'net:inbound', ...described }).eventType).toBe('inbound')
  expect(defineTracepoint({ probe: 'net:inbound', eventType: 'in', ...described }).eventType).toBe('in')
})
