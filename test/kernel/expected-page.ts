import type { Recorded } from '../demo-node/recording.ts'
import type { ScrapedSample } from '../harness/scrape.ts'

// Upper bounds as Prometheus' Python client spells them: what operators have recorded until now.
const seconds = '0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0'
const latency = '0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.0 5.0 10.0'
const margin = '0.001 0.005 0.01 0.025 0.05 0.1 0.5 1.0'
const headStart = '0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0'
const chunks = '1.0 2.0 5.0 10.0 20.0 50.0 100.0 200.0 500.0 1000.0 2000.0 5000.0'
const blockTransactions = '1.0 10.0 50.0 100.0 250.0 500.0 1000.0 2000.0 3000.0 5000.0 10000.0'
const mempoolTransactions = '0.0 1.0 10.0 50.0 100.0 250.0 500.0 1000.0 2000.0 3000.0 5000.0 10000.0'
const missingTransactions = '0.0 1.0 2.0 5.0 10.0 20.0 50.0 100.0 250.0 500.0 1000.0 2000.0 5000.0 10000.0'
const missingBytes = '100.0 500.0 1000.0 5000.0 10000.0 50000.0 100000.0 250000.0 500000.0 1e+06 2e+06 4e+06'

type Labels = Readonly<Record<string, string>>

/** Outcome of a race, read from its two events. */
interface Race {
  readonly winner: string | undefined
  readonly udp: number | undefined
  readonly cmpct: number | undefined
}

/**
 * The samples that the agent's page must hold about a node that fired this, and nothing else: worked out from the recording
 * alone, with none of the agent's code. All blocks must have been judged.
 */
export function expectedPage(events: readonly Recorded[], node: string): ReadonlyMap<string, number> {
  const page = new Map<string, number>()
  const put = (name: string, labels: Labels, value: number) => page.set(keyOf({ name, labels: { node, ...labels } }), value)
  const histogram = (name: string, labels: Labels, bounds: string, values: readonly number[]) => {
    for (const le of bounds.split(' ')) put(`${name}_bucket`, { ...labels, le }, values.filter((value) => value <= Number(le)).length)
    put(`${name}_bucket`, { ...labels, le: '+Inf' }, values.length)
    put(`${name}_count`, labels, values.length)
    put(`${name}_sum`, labels, sum(values))
  }
  const fired = (probe: Recorded['probe']) => events.filter((event) => event.probe === probe)
  const column = (rows: readonly Recorded[], key: string) => rows.map((row) => Number(row[key]))

  const reconstructed = fired('udp:block_reconstructed')
  put('fibre_blocks_reconstructed_total', {}, reconstructed.length)
  put('fibre_chunks_received_total', {}, sum(column(reconstructed, 'chunks_recvd')))
  put('fibre_chunks_used_total', {}, sum(column(reconstructed, 'chunks_used')))
  const durations = column(reconstructed, 'duration_us').map((us) => us / 1e6)
  histogram('fibre_block_reconstruction_duration_seconds', {}, seconds, durations)
  histogram('fibre_block_chunks_used', {}, chunks, column(reconstructed, 'chunks_used'))

  const details = fired('udp:block_reconstruction_detail')
  histogram('fibre_block_missing_tx_count', {}, missingTransactions, column(details, 'missing_tx_count'))
  histogram('fibre_block_missing_tx_bytes', {}, missingBytes, column(details, 'missing_tx_bytes'))
  histogram('fibre_block_mempool_tx_count', {}, mempoolTransactions, column(details, 'mempool_tx_count'))
  put('fibre_block_all_tx_from_mempool_total', {}, sum(column(details, 'all_from_mempool')))

  put('fibre_blocks_sent_total', {}, fired('udp:block_send_start').length)

  const connected = fired('validation:block_connected')
  put('bitcoin_blocks_connected_total', {}, connected.length)
  const connecting = column(connected, 'connection_time_ns').map((ns) => ns / 1e9)
  histogram('bitcoin_block_connection_duration_seconds', {}, seconds, connecting)
  histogram('bitcoin_block_tx_count', {}, blockTransactions, column(connected, 'tx_count'))
  const withHeight = ['udp:block_race_winner', 'udp:block_race_time', 'validation:block_connected']
  put('fibre_last_block_height', {}, Number(events.findLast(({ probe }) => withHeight.includes(probe))?.height))

  const races = racesIn(events)
  const raceless = [...new Set(connected.map(({ block_hash }) => String(block_hash)))].filter((hash) => !races.has(hash))
  const unheard = unheardIn(events)
  const missed = raceless.filter((hash) => unheard.has(hash))
  const isCatchingUp = missed.length >= CATCHING_UP
  put('fibre_blocks_without_race_total', {}, raceless.length - (isCatchingUp ? missed.length : 0))
  put('bitcoin_blocks_caught_up_total', {}, isCatchingUp ? missed.length : 0)
  put('bitcoin_catching_up', {}, Number(isCatchingUp))
  putRaces([...races.values()], put, histogram)
  return page
}

/** So many blocks of which nothing was heard before they were connected, within a minute, are some that the node had missed. */
const CATCHING_UP = 10

/** Hashes of blocks that were connected before any other event told of them. */
function unheardIn(events: readonly Recorded[]): ReadonlySet<string> {
  const prefixOf = ({ block_hash, hash_prefix }: Recorded) => String(block_hash ?? String(hash_prefix).padStart(16, '0')).slice(-16)
  const first = new Map<string, Recorded>()
  for (const event of events.toSorted((a, b) => a.ts_ns - b.ts_ns)) if (!first.has(prefixOf(event))) first.set(prefixOf(event), event)
  const connected = [...first.values()].filter(({ probe }) => probe === 'validation:block_connected')
  return new Set(connected.map(({ block_hash }) => String(block_hash)))
}

/** By hash, each once, however often it is told. */
function racesIn(events: readonly Recorded[]): ReadonlyMap<string, Race> {
  const races = new Map<string, Race>()
  const start = (ns: unknown) => (ns === -1 ? undefined : Number(ns) / 1e9)
  for (const { probe, block_hash, winner, udp_ns, cmpct_ns } of events) {
    const race = races.get(String(block_hash))
    if (probe === 'udp:block_race_winner')
      races.set(String(block_hash), { winner: String(winner), udp: undefined, cmpct: undefined, ...race })
    if (probe === 'udp:block_race_time') races.set(String(block_hash), { winner: race?.winner, udp: start(udp_ns), cmpct: start(cmpct_ns) })
  }
  return races
}

function putRaces(
  races: readonly Race[],
  put: (name: string, labels: Labels, value: number) => void,
  histogram: (name: string, labels: Labels, bounds: string, values: readonly number[]) => void,
): void {
  const both = races.filter(isBoth)
  const udpOnly = races.flatMap(({ udp, cmpct }) => (udp !== undefined && cmpct === undefined ? [udp] : []))
  const cmpctOnly = races.flatMap(({ udp, cmpct }) => (udp === undefined && cmpct !== undefined ? [cmpct] : []))
  put('fibre_races_total', { coverage: 'both' }, both.length)
  put('fibre_races_total', { coverage: 'udp_only' }, udpOnly.length)
  put('fibre_races_total', { coverage: 'cmpct_only' }, cmpctOnly.length)
  put('fibre_races_with_both_total', {}, both.length)

  const head = 'fibre_race_head_start_seconds'
  const leads = both.map(({ udp, cmpct }) => udp - cmpct) // times run back from the connection: the larger one started first
  histogram(
    head,
    { first: 'fibre_udp' },
    headStart,
    leads.filter((lead) => lead >= 0),
  )
  histogram(head, { first: 'bip152_cmpct' }, headStart, leads.filter((lead) => lead < 0).map((lead) => -lead)) // biome-ignore format: one above the other
  histogram('fibre_race_head_start_at_least_seconds', { first: 'fibre_udp' }, headStart, udpOnly)
  histogram('fibre_race_head_start_at_least_seconds', { first: 'bip152_cmpct' }, headStart, cmpctOnly)

  const times = (pick: 'udp' | 'cmpct') => races.map((race) => race[pick]).filter((time) => time !== undefined)
  histogram('fibre_block_race_latency_seconds', { mechanism: 'fibre_udp' }, latency, times('udp'))
  histogram('fibre_block_race_latency_seconds', { mechanism: 'bip152_cmpct' }, latency, times('cmpct'))

  const winners = { 'FIBRE/UDP': 'fibre_udp', 'BIP152/CMPCTBLOCK': 'bip152_cmpct', 'SOMETHING/ELSE': 'other' }
  const decided = races.filter(({ winner }) => winner !== undefined)
  for (const [winner, mechanism] of Object.entries(winners)) {
    const wins = decided.filter((race) => race.winner === winner)
    put('fibre_block_race_wins_total', { mechanism }, wins.length)
    put('fibre_block_deliveries_total', { mechanism }, wins.length)
    const margins = wins.filter(isBoth).map(({ udp, cmpct }) => Math.abs(udp - cmpct))
    histogram('fibre_race_margin_seconds', { winner: mechanism }, margin, margins)
    if (mechanism !== 'other')
      put('fibre_blocks_since_win', { mechanism }, decided.length - 1 - decided.findLastIndex((race) => race.winner === winner))
  }
}

const isBoth = (race: Race): race is Race & { udp: number; cmpct: number } => race.udp !== undefined && race.cmpct !== undefined

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** A sample's name and labels, in one order. */
export function keyOf({ name, labels }: Pick<ScrapedSample, 'name' | 'labels'>): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort())}`
}
