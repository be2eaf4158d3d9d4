// What a block's record has to say, worked out anew from what was fired and by nothing of the agent.
type Value = string | number | undefined

/** One event: its fields by the agent's names, its stamp, and the wall clock in whole µs. */
export interface Said {
  readonly probe: string
  readonly stampNs: number
  readonly unixUs: number
  readonly [field: string]: Value
}

export type ExpectedRecord = Readonly<Record<string, unknown>>

/** The record of a connected block, or of one that never was; `said` are all events of its node with its hash, in order. */
export function expectedRecord(node: string, hash: string, said: readonly Said[]): ExpectedRecord {
  const first = (probe: string): Partial<Said> => said.find((event) => event.probe === probe) ?? {}
  const reconstructed = first('udp:block_reconstructed')
  const detail = first('udp:block_reconstruction_detail')
  const sendStart = first('udp:block_send_start')
  const header = first('udp:block_header_chunk')
  const winner = first('udp:block_race_winner')
  const times = first('udp:block_race_time')
  const connected = first('validation:block_connected')
  const coinbase = first('udp:block_coinbase').scriptSig as string | undefined

  const isConnected = connected.unixUs !== undefined
  const { udpNs, cmpctNs } = times as { udpNs?: number; cmpctNs?: number }
  const started = {
    ...(udpNs !== undefined && udpNs >= 0 && { fibre_udp: udpNs }),
    ...(cmpctNs !== undefined && cmpctNs >= 0 && { bip152_cmpct: cmpctNs }),
  }
  // Times run back from the connection: the largest started first.
  const starts = Object.entries(started).toSorted(([, a], [, b]) => b - a)
  const [earliest, later] = starts
  const classes: Readonly<Record<string, string>> = { fibre_udp: 'udp_only', bip152_cmpct: 'cmpct_only' }
  const relayed = said.filter(({ probe }) => /reconstruct|coinbase|header/.test(probe)).map(({ stampNs }) => stampNs)
  const isHeard = relayed.some((stampNs) => stampNs <= Number(connected.stampNs))
  const noRace = isConnected && winner.winner === undefined && earliest === undefined && !isHeard
  const paths: Readonly<Record<string, string>> = { 'FIBRE/UDP': 'fibre_udp', 'BIP152/CMPCTBLOCK': 'bip152_cmpct' }

  const phases = ['queueUs', 'mapsUs', 'chunkUs', 'finishUs'].map((name) => header[name] as number | undefined)
  const headerUs = phases.reduce<number>((sum, us) => sum + (us ?? 0), 0)
  /** By one of the two clocks, which has so many ticks in a µs. */
  const firstChunk = (clock: 'unixUs' | 'stampNs', ticks: number) =>
    [
      less(reconstructed[clock], over(reconstructed.durationUs, 1 / ticks)),
      // The race's times run back from the end of connecting, when the winner is named.
      udpNs !== undefined && udpNs >= 0 ? less(winner[clock] ?? times[clock], (udpNs / 1e3) * ticks) : undefined,
      less(header[clock], headerUs * ticks),
    ].find((tick) => tick !== undefined)

  const record = {
    schema: 1,
    time: iso(connected.unixUs ?? Math.min(...said.map(({ unixUs }) => unixUs))),
    node,
    block_hash: hash,
    height: connected.height ?? winner.height ?? times.height ?? reconstructed.height ?? detail.height,
    path: winner.winner === undefined ? (noRace ? 'no_race' : 'unknown') : (paths[winner.winner as string] ?? 'other'),
    coverage: later ? 'both' : earliest ? classes[earliest[0]] : noRace ? 'none' : undefined,
    winner: winner.winner,
    winner_peer: named(winner.winnerPeer),
    first_started: earliest?.[0],
    head_start_ms: earliest && (earliest[1] - (later?.[1] ?? 0)) / 1e6,
    head_start_is_lower_bound: earliest && later === undefined,
    udp_ms: times.udpNs === -1 ? undefined : over(times.udpNs, 1e6),
    udp_peer: named(times.udpPeer),
    cmpct_ms: times.cmpctNs === -1 ? undefined : over(times.cmpctNs, 1e6),
    cmpct_peer: named(times.cmpctPeer),
    first_chunk_at: iso(firstChunk('unixUs', 1)),
    reconstructed_at: iso(reconstructed.unixUs),
    connected_at: iso(connected.unixUs),
    winner_known_at: iso(winner.unixUs),
    sent_at: iso(sendStart.startUs as number | undefined),
    reconstruction_ms: over(reconstructed.durationUs, 1e3),
    reconstruction_peer: reconstructed.peer,
    chunks_used: reconstructed.chunksUsed,
    chunks_received: reconstructed.chunksReceived,
    chunk_peers: reconstructed.peers,
    missing_transactions: detail.missingTransactions,
    missing_bytes: detail.missingBytes,
    mempool_transactions: detail.mempoolTransactions,
    all_from_mempool: detail.allFromMempool === undefined ? undefined : detail.allFromMempool === 1,
    connect_ms: over(connected.durationNs, 1e6),
    transactions: connected.transactions ?? detail.transactions,
    inputs: connected.inputs,
    sigops: connected.sigops,
    pool: coinbase === undefined ? undefined : coinbaseWords(coinbase)?.includes('Foundry USA Pool') ? 'Foundry USA' : 'unknown',
    coinbase_text: coinbase && coinbaseWords(coinbase),
    reconstructed_to_connected_ms: between(reconstructed, connected),
    connected_to_winner_ms: between(connected, winner),
    header_queue_ms: over(phases[0], 1e3),
    header_maps_ms: over(phases[1], 1e3),
    header_chunk_ms: over(phases[2], 1e3),
    header_finish_ms: over(phases[3], 1e3),
    ...(winner.winner === 'FIBRE/UDP' && isConnected && stagesOf(firstChunk('stampNs', 1e3), { reconstructed, connected, sendStart })),
  }
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}

/** The stages of a block that FIBRE brought. Each of its moments is a whole µs before or after that at which it was connected. */
function stagesOf(firstNs: number | undefined, { reconstructed, connected, sendStart }: Readonly<Record<string, Partial<Said>>>) {
  const end = Number(connected?.stampNs)
  if (firstNs === undefined || firstNs > end) return {}
  const us = (ns: unknown) => (ns === undefined ? undefined : Math.round((Number(ns) - end) / 1e3))
  const [first, ready, began, sent] = [firstNs, reconstructed?.stampNs, less(end, connected?.durationNs as number), sendStart?.stampNs].map(
    us,
  )
  const isReady = ready !== undefined && ready >= Number(first) && ready <= 0
  const isBegun = began !== undefined && began >= Number(isReady ? ready : first)
  const name = [...(isReady ? [] : ['started_to_reconstructed']), 'reconstructed_to_validation', ...(isBegun ? [] : ['validation'])]
  const stages = [
    ...(isReady ? [{ stage: 'started_to_reconstructed', us: ready - Number(first) }] : []),
    ...(isBegun ? [{ stage: name.join('+'), us: began - Number(isReady ? ready : first) }] : []),
    { stage: isBegun ? 'validation' : name.join('+'), us: -Number(isBegun ? began : isReady ? ready : first) },
    ...(sent !== undefined && Number(sendStart?.stampNs) > end ? [{ stage: 'connected_to_sent', us: sent }] : []),
  ]
  const joined = stages.map(({ stage }) => stage).filter((stage) => stage.includes('+'))
  return {
    ...Object.fromEntries(stages.map(({ stage, us }) => [`${stage.split('+').at(-1)}_ms`, us / 1e3])),
    first_sign_to_connected_ms: -Number(first) / 1e3,
    first_sign_to_sent_ms: Number(sendStart?.stampNs) >= firstNs ? (Number(sent) - Number(first)) / 1e3 : undefined,
    slowest_stage: stages.reduce((most, one) => (one.us > most.us ? one : most)).stage,
    joined_stages: joined.join(', ') || undefined,
  }
}

const named = (peer: Value) => (peer === 'n/a' ? undefined : peer)
const over = (value: Value, divisor: number) => (value === undefined ? undefined : Number(value) / divisor)
const less = (us: number | undefined, by: number | undefined) => (us === undefined || by === undefined ? undefined : us - by)
const between = (from: Partial<Said>, to: Partial<Said>) =>
  from.stampNs === undefined || to.stampNs === undefined ? undefined : (to.stampNs - from.stampNs) / 1e6

/** Runs of four or more printable characters. */
const coinbaseWords = (hex: string) =>
  Buffer.from(hex, 'hex')
    .toString('latin1')
    .match(/[ -~]{4,}/g)
    ?.join(' ')

/** `2026-11-22T16:21:42.889134Z` */
function iso(us: number | undefined): string | undefined {
  if (us === undefined) return undefined
  const whole = Math.round(us)
  return `${new Date(Math.floor(whole / 1e6) * 1e3).toISOString().slice(0, -5)}.${String(whole % 1e6).padStart(6, '0')}Z`
}

/** A time of a record, in µs since 1970. */
export const microsecondsOf = (time: unknown) => Date.parse(String(time)) * 1000 + Number(String(time).slice(-4, -1))

/** The record, with times as expected where they differ by a µs: each is rounded, and so are those that it is worked out from. */
export function withinMicrosecond(record: ExpectedRecord, expected: ExpectedRecord = {}): ExpectedRecord {
  const names = Object.keys(record).filter((name) => name === 'time' || name.endsWith('_at'))
  const near = names.filter((name) => Math.abs(microsecondsOf(record[name]) - microsecondsOf(expected[name])) <= 1)
  return { ...record, ...Object.fromEntries(near.map((name) => [name, expected[name]])) }
}
