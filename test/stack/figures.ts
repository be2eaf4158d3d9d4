import type { PanelQuery } from './dashboard-queries.ts'
import { agentFacts } from './model/agent.ts'
import type { Arrival } from './model/blocks.ts'
import { eventTypesOf } from './model/events.ts'
import {
  bothStarted,
  bucketQuantile,
  count,
  hadRace,
  headStarts,
  mean,
  quotient,
  received,
  reconstructionSeconds,
  reconstructions,
  share,
  sinceFibreWon,
  sum,
  used,
  wonByCompactBlock,
  wonByFibre,
} from './model/truth.ts'

/** Range of permitted values: a rank may lie where two buckets meet. */
type Range = readonly [low: number, high: number]

/** The things that a value on a dashboard can be about. */
export interface Seen {
  /** Blocks of the window. */
  readonly blocks: readonly Arrival[]
  /** Blocks since the agent was started. */
  readonly known: readonly Arrival[]
  /** The same of all nodes. */
  readonly ofAll: readonly Arrival[]
  readonly nodes: number
  /** When each of the agents was started. */
  readonly starts: readonly number[]
  readonly at: number
  readonly labels: Readonly<Record<string, string>>
  /** A quantile of values, as exact as the buckets that the query reads. */
  readonly quantile: (values: readonly number[]) => Range | undefined
}

/** Expected figure on a dashboard. */
export interface ShownFigure {
  /** Fits `title / legend`, as the reader sees them. */
  readonly shown: RegExp
  /** `undefined` where nothing may be shown. */
  readonly is: (seen: Seen) => number | Range | undefined
  /** A rise is extrapolated to the bounds of its window; the rest is as it is. */
  readonly rises?: boolean
}

/** Number of values in a bucket. */
const upTo = (values: readonly number[], { le }: Seen['labels']) =>
  count(values, (value) => value <= Number(le?.replace('+Inf', 'Infinity')))
const PAYLOAD_BYTES = 1152
const last = (blocks: readonly Arrival[]) => blocks.at(-1)
const highest = (blocks: readonly Arrival[]) => (blocks.length > 0 ? Math.max(...blocks.map(({ height }) => height)) : undefined)
const quickly = ({ durationUs }: { readonly durationUs: number }) => durationUs <= 100e3

const winRate = ({ blocks }: Seen) => share(blocks.filter(hadRace), wonByFibre)
const coverage = ({ blocks }: Seen) => share(blocks, hadRace)
const efficiency = ({ blocks }: Seen) => quotient(used(blocks), received(blocks))
const sinceWin = ({ known }: Seen) => sinceFibreWon(known)
const running = ({ starts }: Seen, value: number) => (starts.length > 0 ? value : undefined)
const startedAt = ({ starts }: Seen) => Math.max(...starts)
const agentsOf = ({ labels, starts }: Seen) => (labels.instance ? 1 : starts.length)
const laterThanFirst = ({ known, ofAll }: Seen) => {
  const tip = ofAll.filter(({ height }) => height === highest(ofAll)).map(({ connectedAt }) => connectedAt)
  const here = last(known)
  return here && here.height === highest(ofAll) ? here.connectedAt - Math.min(...tip) : undefined
}
const lastBlockAge = ({ known, at }: Seen) => last(known) && at - (last(known) as Arrival).connectedAt
const behind = ({ known, ofAll }: Seen) => {
  const height = highest(known)
  return height === undefined ? undefined : (highest(ofAll) as number) - height
}
const largestLag = ({ known }: Seen) => {
  const heights = [...Map.groupBy(known, ({ node }) => node).values()].flatMap((blocks) => highest(blocks) ?? [])
  return heights.length > 0 ? Math.max(...heights) - Math.min(...heights) : undefined
}
const headStart = (ofFibre: boolean) => {
  return ({ blocks, quantile }: Seen) => quantile(headStarts(blocks, ofFibre))
}
const latency = (key: 'udpNs' | 'cmpctNs') => {
  return ({ blocks, quantile }: Seen) => quantile(blocks.map((block) => block[key] / 1e9).filter((seconds) => seconds >= 0))
}
const reconstruction = ({ blocks, quantile }: Seen) => quantile(reconstructionSeconds(blocks))

const isFrom = (block: Arrival, { mechanism, peer }: Seen['labels']) =>
  mechanism === 'fibre_udp' ? wonByFibre(block) && block.udpPeer === peer : wonByCompactBlock(block) && block.cmpctPeer === peer

/** The first that fits a panel tells what it shows. */
export const figures: readonly ShownFigure[] = [
  { shown: /^(bitcoind|Agent|Tracepoints) \/|^Nodes, .*\/ bitcoind/, is: (seen) => running(seen, 1) },
  { shown: /^Agents \//, is: agentsOf },
  { shown: /^Nodes \//, is: ({ nodes }) => nodes },
  { shown: /^Versions \//, is: () => 1 },
  { shown: /^Tracepoints missing|^Nodes, .*\/ Tracepoints missing|^Nodes without bitcoind/, is: (seen) => running(seen, 0) },
  { shown: /^(Events lost|Errors|Restarts of bitcoind), |^Losses and errors|^Nodes, .*\/ Restarts/, is: () => 0, rises: true },
  { shown: /^Running for/, is: (seen) => seen.at - startedAt(seen) },
  {
    shown: /^Events by type/,
    is: ({ blocks, labels }) => count(blocks.flatMap(eventTypesOf), (type) => type === labels.event_type),
    rises: true,
  },
  { shown: /^Delay of events/, is: ({ blocks, quantile }) => quantile(blocks.map(() => agentFacts.delay)) },
  { shown: /^Memory/, is: (seen) => running(seen, agentFacts.residentBytes) },
  { shown: /^Event-loop lag/, is: (seen) => running(seen, agentFacts.eventLoopLag) },
  { shown: /^Open files/, is: (seen) => running(seen, agentFacts.openFds / agentFacts.maxFds) },
  { shown: /^Most of the buffer in use/, is: (seen) => running(seen, agentFacts.ringShare) },
  { shown: /^Maps in use/, is: (seen) => running(seen, agentFacts.mapShare) },
  { shown: /^Duration of scrapes/, is: (seen) => running(seen, agentFacts.scrapeSeconds) },
  { shown: /^Clock error/, is: (seen) => running(seen, agentFacts.clockError) },
  { shown: /^Certificate/, is: (seen) => startedAt(seen) + agentFacts.certificateSeconds - seen.at },
  { shown: /^Pushes \/ failed/, is: () => 0, rises: true },
  { shown: /^Records not written, slow blocks not delivered/, is: () => 0, rises: true },
  { shown: /^Last block: how much later/, is: laterThanFirst },
  { shown: /^FIBRE win rate, |race coverage.*\/ win rate|^Nodes, .*\/ Win rate/, is: winRate },
  { shown: /^Race coverage, |race coverage.*\/ coverage|^Nodes, .*\/ Coverage/, is: coverage },
  { shown: /^Head start of FIBRE|^Nodes, .*\/ Head start/, is: headStart(true) },
  { shown: /^Head start of the compact block/, is: headStart(false) },
  { shown: /^Blocks since FIBRE won|^Nodes, .*\/ Since a win/, is: sinceWin },
  { shown: /^Largest lag/, is: largestLag },
  { shown: /^Height|^Nodes, .*\/ Height/, is: ({ known }) => highest(known) },
  { shown: /^Blocks behind|^Nodes, .*\/ Behind/, is: behind },
  { shown: /^Last block \/|^Nodes, .*\/ Last block/, is: lastBlockAge },
  {
    shown: /^Reconstructed within 100 ms|^Within 100 ms|^Objective: .* within 100 ms/,
    is: ({ blocks }) => share(reconstructions(blocks), quickly),
  },
  { shown: /^Chunk efficiency|^Nodes, .*\/ Efficiency/, is: efficiency },
  { shown: /^Reconstruction time, spread/, is: ({ blocks, labels }) => upTo(reconstructionSeconds(blocks), labels), rises: true },
  { shown: /^Reconstruction time|^Median, |^p\d+, |^Nodes, .*\/ Reconstruction/, is: reconstruction },
  { shown: /^Races by winner \/ FIBRE|^Won by FIBRE|^Races that FIBRE won/, is: ({ blocks }) => count(blocks, wonByFibre), rises: true },
  { shown: /^Races by winner \/ compact block|^Won by compact block/, is: ({ blocks }) => count(blocks, wonByCompactBlock), rises: true },
  { shown: /^Races by winner \/ other/, is: () => 0, rises: true },
  { shown: /^Races, /, is: ({ blocks }) => count(blocks, hadRace), rises: true },
  { shown: /^Both started/, is: ({ blocks }) => share(blocks.filter(hadRace), bothStarted) },
  { shown: /^Blocks by who had started \/ both/, is: ({ blocks }) => count(blocks, bothStarted), rises: true },
  {
    shown: /^Blocks by who had started \/ FIBRE alone/,
    is: ({ blocks }) => count(blocks, (b) => b.udpNs >= 0 && b.cmpctNs < 0),
    rises: true,
  },
  {
    shown: /^Blocks by who had started \/ compact block alone/,
    is: ({ blocks }) => count(blocks, (b) => b.udpNs < 0 && b.cmpctNs >= 0),
    rises: true,
  },
  { shown: /^Blocks by who had started \/ no race/, is: ({ blocks }) => count(blocks, (block) => !hadRace(block)), rises: true },
  { shown: /^Head starts of FIBRE/, is: ({ blocks, labels }) => upTo(headStarts(blocks, true), labels), rises: true },
  { shown: /^Head starts of the compact block/, is: ({ blocks, labels }) => upTo(headStarts(blocks, false), labels), rises: true },
  { shown: /^First packet of FIBRE/, is: latency('udpNs') },
  { shown: /^First packet of the compact block/, is: latency('cmpctNs') },
  {
    shown: /^Deliveries by peer/,
    // A peer's series begins with what its first scrape says: `increase` does not see its first delivery, or the first two.
    is: ({ blocks, known, labels }) => {
      const first = known.find((block) => isFrom(block, labels))?.connectedAt ?? 0
      const later = (seconds: number) => count(blocks, (block) => isFrom(block, labels) && block.connectedAt > first + seconds)
      return [later(60), later(0)]
    },
    rises: true,
  },
  { shown: /^Blocks( connected and sent)? \/ connected/, is: ({ blocks }) => blocks.length, rises: true },
  { shown: /^Blocks \/ reconstructed|^Blocks reconstructed, /, is: ({ blocks }) => reconstructions(blocks).length, rises: true },
  { shown: /^Blocks( connected and sent)? \/ sent|^Blocks sent/, is: ({ blocks }) => count(blocks, ({ sent }) => sent), rises: true },
  { shown: /^Sent per connected block/, is: ({ blocks }) => share(blocks, ({ sent }) => sent) },
  {
    shown: /^Received per block|^Chunks per block, .*\/ received/,
    is: ({ blocks }) => quotient(received(blocks), reconstructions(blocks).length),
  },
  {
    shown: /^Chunks per block, .*\/ used, /,
    is: ({ blocks, quantile }) => quantile(reconstructions(blocks).map(({ chunksUsed }) => chunksUsed)),
  },
  { shown: /^Used per block|^Chunks per block, .*\/ used/, is: ({ blocks }) => quotient(used(blocks), reconstructions(blocks).length) },
  {
    shown: /^Bytes per block/,
    is: ({ blocks }) => {
      const chunks = quotient(received(blocks), reconstructions(blocks).length)
      return chunks === undefined ? undefined : chunks * PAYLOAD_BYTES
    },
  },
  {
    shown: /^Received but not needed|^Bytes received \/ not needed/,
    is: ({ blocks }) => (received(blocks) - used(blocks)) * PAYLOAD_BYTES,
    rises: true,
  },
  { shown: /^Bytes received \/ used/, is: ({ blocks }) => used(blocks) * PAYLOAD_BYTES, rises: true },
  {
    shown: /^Chunks used per block, spread/,
    is: ({ blocks, labels }) =>
      upTo(
        reconstructions(blocks).map(({ chunksUsed }) => chunksUsed),
        labels,
      ),
    rises: true,
  },
  {
    shown: /^Blocks reconstructed within 100 ms, and slower \/ quick/,
    is: ({ blocks }) => count(reconstructions(blocks), quickly),
    rises: true,
  },
  {
    shown: /^Blocks reconstructed within 100 ms, and slower \/ slower/,
    is: ({ blocks }) => count(reconstructions(blocks), (block) => !quickly(block)),
    rises: true,
  },
  {
    shown: /^All from the mempool|^From the mempool, .*\/ whole blocks/,
    is: ({ blocks }) => share(reconstructions(blocks), ({ missing }) => missing === 0),
  },
  {
    shown: /^From the mempool, .*\/ transactions/,
    is: ({ blocks }) => {
      const transactions = sum(blocks.map((block) => (block.reconstruction ? block.transactions - 1 : 0)))
      return quotient(transactions - sum(reconstructions(blocks).map(({ missing }) => missing)), transactions)
    },
  },
  { shown: /^Transactions that were missing.*\/ mean/, is: ({ blocks }) => mean(reconstructions(blocks).map(({ missing }) => missing)) },
  {
    shown: /^Transactions that were missing/,
    is: ({ blocks, quantile }) => quantile(reconstructions(blocks).map(({ missing }) => missing)),
  },
  { shown: /^Bytes that were missing.*\/ mean/, is: ({ blocks }) => mean(reconstructions(blocks).map(({ missingBytes }) => missingBytes)) },
  {
    shown: /^Bytes that were missing/,
    is: ({ blocks, quantile }) => quantile(reconstructions(blocks).map(({ missingBytes }) => missingBytes)),
  },
  {
    shown: /^Time to connect a block|^Connecting, /,
    is: ({ blocks, quantile }) => quantile(blocks.map(({ connectNs }) => connectNs / 1e9)),
  },
  { shown: /^Transactions per block/, is: ({ blocks }) => mean(blocks.map(({ transactions }) => transactions)) },
]

/** Name under which a target is shown to the reader. */
export const shownAs = ({ panel, legend }: Pick<PanelQuery, 'panel' | 'legend'>): string => `${panel} / ${legend.replace(/ *\{\{.*/, '')}`

/** Which quantile a target's reader is told it is; the legend knows better than the title. */
export function claimedQuantile({ panel, legend }: Pick<PanelQuery, 'panel' | 'legend'>): number | undefined {
  for (const text of [legend, panel]) {
    if (/\bmedian\b/i.test(text)) return 0.5
    const percent = /\bp(\d\d)\b/.exec(text)?.[1]
    if (percent !== undefined) return Number(percent) / 100
  }
  return undefined
}

/** A quantile, and how far off it may be where counts are extrapolated by as much as that share of them, and not all alike. */
export const quantileOf = (q: number, bounds: readonly number[], share: number) => {
  return (values: readonly number[]): Range | undefined => {
    if (values.length === 0) return undefined
    // Where that is more than lies above the quantile, it can come to lie in an empty bucket above all values.
    const high = share >= 1 - q ? Number.POSITIVE_INFINITY : bucketQuantile(q * (1 + share), values, bounds)
    return [bucketQuantile(q * (1 - share), values, bounds) as number, high as number]
  }
}

/** By how much a panel's value differs from what it has to be, as text; `undefined` if it does not. */
export function deviation(
  figure: ShownFigure,
  seen: Seen,
  value: number | undefined,
  share: number,
  isRounded: boolean,
): string | undefined {
  const should = figure.is(seen)
  if (should === undefined || value === undefined) {
    // A series that counts nothing yet may be missing.
    const isRight = value === should || (figure.rises && [should].flat()[0] === 0)
    return isRight ? undefined : `is ${value}, should be ${should}`
  }
  const rounding = isRounded ? 0.5 : 1e-6
  const [low, high] = typeof should === 'number' ? [should * (figure.rises ? 1 : 1 - share), should * (1 + share)] : should
  const isRight = value >= low * (1 - 1e-9) - rounding && value <= high * (1 + 1e-9) + rounding
  return isRight ? undefined : `is ${value}, should be from ${low} to ${high}`
}
