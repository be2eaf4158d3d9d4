import { blockCoinbase } from './block-coinbase.ts'
import { blockConnected } from './block-connected.ts'
import { blockHeaderChunk } from './block-header-chunk.ts'
import { blockRaceTime } from './block-race-time.ts'
import { blockRaceWinner } from './block-race-winner.ts'
import { blockReconstructed } from './block-reconstructed.ts'
import { blockReconstructionDetail } from './block-reconstruction-detail.ts'
import { blockSendStart } from './block-send-start.ts'
import type { CountedTracepoint, EventOf, Tracepoint } from './define.ts'
import { mempoolAdded } from './mempool-added.ts'

/** Every tracepoint that the agent knows. */
export const tracepoints = [
  blockReconstructed,
  blockReconstructionDetail,
  blockSendStart,
  blockCoinbase,
  blockHeaderChunk,
  blockRaceWinner,
  blockRaceTime,
  blockConnected,
  mempoolAdded,
] as const

type Known = (typeof tracepoints)[number]
type Recorded = Exclude<Known, CountedTracepoint>
type OfBlock = Extract<Known, { readonly isOfBlock: true }>

/** The decoded event of any recorded tracepoint; `probe` tells which. */
export type TracepointEvent = EventOf<Recorded>
/** An event that tells of a block. */
export type BlockEvent = EventOf<OfBlock>

const all: readonly Tracepoint[] = tracepoints
export const countedTracepoints = all.filter((tracepoint) => tracepoint.counted !== undefined)
export const recordedTracepoints = tracepoints.filter((tracepoint): tracepoint is Recorded => tracepoint.counted === undefined)
export const blockTracepoints = tracepoints.filter((tracepoint): tracepoint is OfBlock => tracepoint.isOfBlock)

/** Tracepoints that every FIBRE node has: a missing one is a fault, while builds may lack any other. */
export const requiredProbes: ReadonlySet<string> = new Set(tracepoints.filter(({ required }) => required).map(({ probe }) => probe))

const blockProbes: ReadonlySet<string> = new Set(blockTracepoints.map(({ probe }) => probe))

export const isBlockEvent = (event: TracepointEvent): event is BlockEvent => blockProbes.has(event.probe)
