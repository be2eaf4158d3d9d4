import { beforeEach, describe, expect, it } from 'vitest'
import { type FiredEvent, startDemoNode } from '../demo-node/demo-node.ts'
import { fieldsIn, fieldsOf } from '../demo-node/recording.ts'
import { complaints, startAgentProcess } from '../harness/agent.ts'
import { type Fields, type Heard, Listener, requireBpf, total } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const kinds = [
  'null-text',
  'unmapped-text',
  'unmapped-hash',
  'not-utf8',
  'long-text',
  'empty-text',
  'other-winner',
  'cold-text',
  'onion-peer',
  'spaced-peer',
  'negative',
  'prefix-only',
] as const
type Kind = (typeof kinds)[number]

/** Fires a block with difficult arguments, and returns what was sent and heard of it. */
async function fire(kind: Kind) {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener()
  listener.attach(node)
  const { sent } = await node.command(`odd ${kind}`)
  const { events } = await node.command('blocks 5')
  await until(() => listener.heard.length >= sent.length + total(events), 'the odd block and five others')
  expect([listener.heard.length, listener.lost, listener.errors]).toEqual([sent.length + total(events), 0, []])
  return { sent, heard: listener.heard.slice(0, sent.length) }
}

/** Of a text the first 127 bytes are kept. */
const cut = (fields: Fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' && name !== 'scriptSig' ? value.slice(0, 127) : value]),
  )
const unreadable = (sent: FiredEvent) => Object.entries(fieldsOf(sent)).flatMap(([name, value]) => (value === undefined ? [name] : []))

it.for(kinds)('%s: every field is what was sent, or missing and named', async (kind) => {
  const { sent, heard } = await fire(kind)
  expect(heard.map(({ event }) => event.probe)).toEqual(sent.map(({ probe }) => probe))
  expect(heard.map(({ event }) => fieldsIn(event))).toStrictEqual(sent.map((event) => cut(fieldsOf(event))))
  expect(heard.map(({ failed }) => failed)).toEqual(sent.map(unreadable))
})

describe('in plain words', () => {
  const of = (heard: readonly Heard[], probe: string) => heard.find(({ event }) => event.probe === probe)
  const peerIn = async (kind: Kind) => {
    const reconstructed = of((await fire(kind)).heard, 'udp:block_reconstructed')
    return [reconstructed?.event.peer, reconstructed?.failed]
  }

  it('no text is missing, and an empty one is empty', async () => {
    expect(await peerIn('null-text')).toEqual([undefined, ['peer']])
    expect(await peerIn('unmapped-text')).toEqual([undefined, ['peer']])
    expect(await peerIn('empty-text')).toEqual(['', []])
  })

  it('text of 10,000 bytes is cut, and one that is not UTF-8 is made so', async () => {
    expect(await peerIn('long-text')).toEqual(['x'.repeat(127), []])
    expect(await peerIn('not-utf8')).toEqual(['203.0.113.7:\ufffd\ufffd\ufffd', []])
  })

  it('text is read from pages that nobody has touched, and across the border of two', async () => {
    const { heard } = await fire('cold-text')
    expect(of(heard, 'udp:block_reconstructed')?.event.peer).toBe('192.0.2.99:8433')
    expect(of(heard, 'udp:block_race_winner')?.event.winnerPeer).toBe('192.0.2.199:8433')
  })

  it('an onion address with its port fits', async () => {
    expect(await peerIn('onion-peer')).toEqual([expect.stringMatching(/^[a-z2-7]{56}\.onion:\d{5}$/), []])
  })

  it('numbers of either width may be negative', async () => {
    const { heard } = await fire('negative')
    expect(of(heard, 'validation:block_connected')?.event).toMatchObject({ height: -73, inputs: -85, durationNs: -87 })
  })
})

it('the agent counts what it could not read, by tracepoint and field, and goes on', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAgentProcess({ args: ['--pid', String(node.pid)] })
  await node.command('wait 8')
  const sent: FiredEvent[] = []
  for (const kind of kinds) sent.push(...(await node.command(`odd ${kind}`)).sent)
  const { events } = await node.command('blocks 20')
  let page = await agent.scrape()
  await until(async () => {
    page = await agent.scrape()
    return page.sum('fibre_exporter_events_processed_total') >= sent.length + total(events)
  }, 'all events')

  const failures = page.series('fibre_exporter_field_errors_total').filter(({ value }) => value > 0)
  const expected = new Map<string, number>()
  for (const event of sent)
    for (const field of unreadable(event)) {
      const key = `${event.probe.replace(/^.*:(block_(?=race))?/, '')} ${field}`
      expected.set(key, (expected.get(key) ?? 0) + 1)
    }
  expect(expected.size).toBe(10) // seven hashes, three peers
  expect(new Map(failures.map(({ labels, value }) => [`${labels.event_type} ${labels.field}`, value]))).toEqual(expected)
  const wins = events['udp:block_race_winner'] + sent.filter(({ probe }) => probe === 'udp:block_race_winner').length
  expect(page.value('fibre_block_race_wins_total', { mechanism: 'other' })).toBe(1)
  expect(page.sum('fibre_block_race_wins_total')).toBe(wins - 1) // one has no hash
  expect(page.sum('fibre_exporter_events_lost_total')).toBe(0)
  expect(page.sum('fibre_exporter_errors_total')).toBe(0)
  expect(complaints(agent.log)).toEqual([])
})
