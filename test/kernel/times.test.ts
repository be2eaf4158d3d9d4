import { readFileSync } from 'node:fs'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import type { BlockRecord } from '../../agent/blocks/record.ts'
import { type Recorded, readRecording } from '../demo-node/recording.ts'
import { startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { hasBpftrace, startBpftrace } from '../harness/bpftrace.ts'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { microsecondsOf } from '../unit/blocks/expected-record.ts'

beforeEach(requireBpf)
beforeEach((context) => need(context, hasBpftrace(), 'it takes bpftrace, as a witness'))

const NODES = ['a', 'b']
const BLOCKS_OF_EACH = 100
const GAP_US = 20_000
/** Of the conversion between the clocks. How long a tracer keeps the next one waiting is another matter, and not bounded. */
const TOLERANCE_US = 20

/** Times of a record that are those of a hit; of each hit the witness prints its clock and by what the block is known. */
const hits = [
  { time: 'reconstructed_at', probe: 'udp:block_reconstructed', key: 'block_hash', print: 'printf("%llu %s\\n", nsecs, str(arg0));' },
  { time: 'connected_at', probe: 'validation:block_connected', key: 'height', print: 'printf("%llu %d\\n", nsecs, arg1);' },
  { time: 'winner_known_at', probe: 'udp:block_race_winner', key: 'height', print: 'printf("%llu %d\\n", nsecs, arg1);' },
] as const

/** Room for a whole hash. */
const TEXT_LENGTH = 72

/** Unix time at stamp 0, in µs, by other means than the agent's. Date.now() is cut to ms, so it is least wrong right after it has become another. */
function clockOffsetUs(): number {
  const end = performance.now() + 100
  let offset = Number.NEGATIVE_INFINITY
  while (performance.now() < end) {
    const nowMs = Date.now()
    offset = Math.max(offset, nowMs * 1e3 - Number(process.hrtime.bigint()) / 1e3)
  }
  return offset
}

/** A node and its witness. Of two tracers the kernel calls the later one first: so the agent, between the node's own stamp and bpftrace's. */
async function startWitnessed(name: string, seed: number, { path, folder, install }: ReturnType<typeof stage>) {
  const recording = path(`${name}.jsonl`)
  const node = await startNode(install(name, 'bitcoind'), folder(name, 'data'), ['--record', recording, '--seed', `${seed}`])
  onTestFinished(() => node[Symbol.asyncDispose]())
  const actions = hits.map(({ probe, print }, index) => [probe, `printf("${index} "); ${print}`])
  const bpftrace = await startBpftrace(node, Object.fromEntries(actions), TEXT_LENGTH)
  onTestFinished(async () => void (await bpftrace.end()))
  return { name, recording, node, bpftrace }
}

it('times of day are those of the hits, as bpftrace and the nodes saw them, and none of a block contradicts another', async () => {
  const place = stage()
  const journal = place.path('blocks.ndjson')
  const witnessed = await Promise.all(NODES.map((name, index) => startWitnessed(name, index, place)))
  const named = NODES.flatMap((name) => ['--node', `${name}=${place.path(name, 'data')}`])
  await using agent = await startAgentProcess({ args: [...named, '--journal', journal, ...withoutMessages] })
  await Promise.all(witnessed.map(({ node }) => attached(node)))
  await Promise.all(witnessed.map(({ node }) => node.command(`blocks ${BLOCKS_OF_EACH} ${GAP_US}`)))
  await until(() => recordsIn(journal).length === BLOCKS_OF_EACH * NODES.length, 'all blocks to be journalled', 30_000)
  const offsetUs = clockOffsetUs()

  for (const { name, recording, bpftrace } of witnessed) {
    const fired = readRecording(recording)
    const stamps = stampsIn(await bpftrace.end())
    const own = recordsIn(journal).filter(({ node }) => node === name)
    expect(own).toHaveLength(BLOCKS_OF_EACH)
    for (const [index, { time, probe, key }] of hits.entries()) {
      const timed = own.filter((record) => record[time] !== undefined)
      expect(timed).toHaveLength(fired.filter((event) => event.probe === probe).length)
      expect(timed.length).toBeGreaterThan(BLOCKS_OF_EACH / 2)
      for (const record of timed) {
        const us = microsecondsOf(record[time]) - offsetUs
        expect(us, `${name} ${time}`).toBeGreaterThan(firedUs(fired, probe, record) - TOLERANCE_US)
        expect(us, `${name} ${time}`).toBeLessThan((stamps.get(`${index} ${record[key]}`) ?? Number.NaN) + TOLERANCE_US)
      }
    }
    for (const record of own) expect(contradictionsIn(record)).toEqual([])
  }
  expect(agent.log.filter(({ level }) => level === 'error')).toEqual([])
})

/** Impossible times in a record, and times that differ by more than 1 µs from its durations. */
function contradictionsIn(record: BlockRecord): readonly string[] {
  const { first_chunk_at, reconstructed_at, sent_at, connected_at, winner_known_at } = record
  const us = (from?: string, to?: string) => (from && to ? microsecondsOf(to) - microsecondsOf(from) : undefined)
  const agrees = (difference: number | undefined, ms: number | undefined) => Math.abs((difference ?? 0) - (ms ?? 0) * 1e3) <= 1.001
  const holds = {
    'the first chunk comes before the reconstruction': (us(first_chunk_at, reconstructed_at) ?? 0) >= 0,
    'sending begins before the connection': (us(sent_at, connected_at) ?? 0) >= 0,
    'the reconstruction takes as long as it says':
      !reconstructed_at || agrees(us(first_chunk_at, reconstructed_at), record.reconstruction_ms),
    'so long from reconstruction to connection': agrees(us(reconstructed_at, connected_at), record.reconstructed_to_connected_ms),
    'so long from connection to winner': agrees(us(connected_at, winner_known_at), record.connected_to_winner_ms),
  }
  return Object.entries(holds).flatMap(([what, isSo]) => (isSo ? [] : [`not so: ${what}: ${JSON.stringify(record)}`]))
}

const recordsIn = (file: string): readonly BlockRecord[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** Stamps that bpftrace printed, in µs, by the hit's number and the block. */
const stampsIn = (text: string) =>
  new Map([...text.matchAll(/^(\d) (\d+) (\S+)$/gm)].map(([, index, ns, key]) => [`${index} ${key}`, Number(ns) / 1e3]))

/** When the node was about to fire, by its own stamp. */
const firedUs = (fired: readonly Recorded[], probe: string, { block_hash: hash }: BlockRecord) =>
  (fired.find((event) => event.probe === probe && event.block_hash === hash)?.ts_ns ?? Number.NaN) / 1e3
