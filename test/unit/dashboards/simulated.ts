import { type Mechanism, mechanisms, type Racer, racers } from '../../../agent/blocks/race.ts'
import { tracepoints } from '../../../agent/tracepoints/index.ts'
import { select } from '../../../dashboards/names.ts'
import { Random } from '../../harness/random.ts'
import type { AtMinute, SeriesSet } from './promtool-tests.ts'

/** A block as a node meets it. */
export interface SimulatedBlock {
  /** When it was connected, seconds since the beginning. */
  readonly at: number
  readonly height: number
  /** None for a block without a race. */
  readonly winner: Mechanism | undefined
  /** None for a block that was not reconstructed from chunks. */
  readonly reconstructionSeconds: number | undefined
  readonly connectSeconds: number
  readonly isSent: boolean
}

const DAY = 86_400
const MEAN_GAP = DAY / 144

/** Blocks of a healthy node, at random times: 144 a day. One number makes one history. */
export function simulateBlocks(seed: number, days: number): readonly SimulatedBlock[] {
  const random = new Random(seed)
  const blocks: SimulatedBlock[] = []
  for (let at = random.exponential(MEAN_GAP); at < days * DAY; at += random.exponential(MEAN_GAP)) {
    const hasRace = random.chance(0.95)
    const byFibre = hasRace && random.chance(0.85)
    const isSlow = random.chance(0.05)
    blocks.push({
      at,
      height: 900_001 + blocks.length,
      winner: hasRace ? (byFibre ? 'fibre_udp' : 'bip152_cmpct') : undefined,
      reconstructionSeconds: byFibre ? (isSlow ? random.uniform(0.3, 0.9) : random.logNormal(0.009, 0.6)) : undefined,
      connectSeconds: random.logNormal(0.022, 0.5),
      isSent: true,
    })
  }
  return blocks
}

/** A block on which all is well. */
export const block = (like: Partial<SimulatedBlock>): SimulatedBlock => ({
  at: 0,
  height: 900_001,
  winner: 'fibre_udp',
  reconstructionSeconds: 0.01,
  connectSeconds: 0.02,
  isSent: true,
  ...like,
})

/** Blocks at these minutes, on which all is well. */
export const blocksAt = (...minutes: readonly number[]): readonly SimulatedBlock[] =>
  minutes.map((minute, index) => block({ at: minute * 60, height: 900_001 + index }))

/** The longest time without a block, seconds. */
export const longestGap = (blocks: readonly SimulatedBlock[]): number =>
  Math.max(...blocks.map(({ at }, index) => at - (blocks[index - 1]?.at ?? 0)))

export interface Target {
  readonly job: string
  readonly instance: string
  readonly node: string
}

export const paris: Target = { job: 'fibre-agent', instance: '10.0.0.1:9435', node: 'paris' }
export const tokyo: Target = { job: 'fibre-agent', instance: '10.0.0.2:9435', node: 'tokyo' }
export const quito: Target = { job: 'fibre-agent', instance: '10.0.0.3:9435', node: 'quito' }

/** The labels of what an agent says of itself, whatever it measures. */
export const agentOf = ({ job, instance }: Target) => ({ job, instance })

const SYNCHRONISED_SECONDS = 1024

/** The metrics of an agent while all is well. */
export function agentSeries(target: Target, { attached = 1 } = {}): SeriesSet {
  const agent = agentOf(target)
  return {
    [select('fibre_exporter_up', agent)]: () => 1,
    [select('fibre_exporter_start_time_seconds', agent)]: () => 0,
    [select('fibre_exporter_errors_total', { ...agent, error_type: 'event_processing' })]: () => 0,
    [select('fibre_exporter_export_success_total', agent)]: () => 0,
    [select('fibre_exporter_export_failures_total', agent)]: () => 0,
    // Grows by 0.5 ms a second until the clock is set right again.
    [select('fibre_exporter_clock_error_seconds', agent)]: (minute) => 0.01 + 0.0005 * ((minute * 60) % SYNCHRONISED_SECONDS),
    [select('fibre_exporter_tls_cert_not_after_seconds', agent)]: () => 90 * DAY,
    [select('fibre_exporter_target_up', target)]: () => 1,
    [select('fibre_exporter_target_restarts_total', target)]: () => 0,
    [select('fibre_exporter_probes_expected', target)]: () => tracepoints.length,
    ...Object.fromEntries(tracepoints.map(({ probe }) => [probeSeries(target, probe), () => attached])),
    [select('fibre_exporter_events_lost_total', { ...target, event_type: 'race_time' })]: () => 0,
    [select('fibre_exporter_field_errors_total', { ...target, event_type: 'race_time', field: 'udpPeer' })]: () => 0,
  }
}

export function probeSeries(target: Target, tracepoint: string): string {
  const [provider = '', probe = ''] = tracepoint.split(':')
  return select('fibre_exporter_probe_attached', { ...target, provider, probe })
}

/** The series that Prometheus makes for the scrapes of an agent. */
export const scrapeSeries = (target: Target): SeriesSet => ({ [select('up', agentOf(target))]: () => 1 })

/** The metrics of an agent about the blocks of a node. Counters stand at 0 before the first, gauges are absent. */
export function blockSeries(target: Target, blocks: readonly SimulatedBlock[]): SeriesSet {
  const countBy = (minute: number) => {
    const next = blocks.findIndex(({ at }) => at > minute * 60)
    return next === -1 ? blocks.length : next
  }
  /** Adds up over all blocks so far. */
  const total = (read: (block: SimulatedBlock) => boolean): AtMinute => {
    const totals = [0]
    for (const block of blocks) totals.push((totals.at(-1) ?? 0) + Number(read(block)))
    return (minute) => totals[countBy(minute)]
  }
  const last = (read: (block: SimulatedBlock) => number): AtMinute => {
    return (minute) => {
      const block = blocks[countBy(minute) - 1]
      return block && read(block)
    }
  }
  const blocksSinceWin = (mechanism: Racer): AtMinute => {
    const races = blocks.filter(({ winner }) => winner !== undefined)
    return (minute) => {
      const known = races.filter(({ at }) => at <= minute * 60)
      return known.length === 0 ? undefined : known.length - 1 - known.findLastIndex(({ winner }) => winner === mechanism)
    }
  }
  const histogram = (name: Histogram, read: (block: SimulatedBlock) => number | undefined): SeriesSet => ({
    ...Object.fromEntries(
      [...boundsOf(name), Number.POSITIVE_INFINITY].map((bound) => [
        `${name}_bucket{${labelsOf(target)}, le="${bound === Number.POSITIVE_INFINITY ? '+Inf' : bound}"}`,
        total((block) => (read(block) ?? Number.NaN) <= bound),
      ]),
    ),
    [select(`${name}_count`, target)]: total((block) => read(block) !== undefined),
  })
  return {
    [select('bitcoin_blocks_connected_total', target)]: total(() => true),
    [select('fibre_last_block_height', target)]: last(({ height }) => height),
    [select('fibre_last_block_connected_timestamp_seconds', target)]: last(({ at }) => at),
    [select('fibre_blocks_without_race_total', target)]: total(({ winner }) => winner === undefined),
    [select('fibre_blocks_sent_total', target)]: total(({ isSent }) => isSent),
    ...Object.fromEntries(
      mechanisms.map((mechanism) => [
        select('fibre_block_race_wins_total', { ...target, mechanism }),
        total(({ winner }) => winner === mechanism),
      ]),
    ),
    ...Object.fromEntries(
      racers.map((mechanism) => [select('fibre_blocks_since_win', { ...target, mechanism }), blocksSinceWin(mechanism)]),
    ),
    ...histogram('fibre_block_reconstruction_duration_seconds', ({ reconstructionSeconds }) => reconstructionSeconds),
    ...histogram('bitcoin_block_connection_duration_seconds', ({ connectSeconds }) => connectSeconds),
  }
}

type Histogram = 'bitcoin_block_connection_duration_seconds' | 'fibre_block_reconstruction_duration_seconds'

const boundsOf = (histogram: Histogram): readonly number[] =>
  tracepoints.flatMap(({ metrics }) => metrics).find(({ name }) => name === histogram)?.buckets ?? []

const labelsOf = (target: Target) =>
  Object.entries(target)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')

/** A node on which all is well, from its blocks. */
export const healthyNode = (target: Target, blocks: readonly SimulatedBlock[]): SeriesSet => ({
  ...scrapeSeries(target),
  ...agentSeries(target),
  ...blockSeries(target, blocks),
})
