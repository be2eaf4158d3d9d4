import { blockCoinbase } from './block-coinbase.ts'
import { blockConnected } from './block-connected.ts'
import { blockHeaderChunk } from './block-header-chunk.ts'
import { blockRaceTime } from './block-race-time.ts'
import { blockRaceWinner } from './block-race-winner.ts'
import { blockReconstructed } from './block-reconstructed.ts'
import { blockReconstructionDetail } from './block-reconstruction-detail.ts'
import { blockSendStart } from './block-send-start.ts'
import type { EventOf, Group, Tracepoint } from './define.ts'
import { mempoolAdded } from './mempool/added.ts'
import { mempoolRejected } from './mempool/rejected.ts'
import { mempoolRemoved } from './mempool/removed.ts'
import { mempoolReplaced } from './mempool/replaced.ts'
import { blockHeader } from './net/block-header.ts'
import { closedConnection } from './net/closed-connection.ts'
import { compactBlockReconstructed } from './net/compact-block-reconstructed.ts'
import { evictedInboundConnection } from './net/evicted-inbound-connection.ts'
import { inboundConnection } from './net/inbound-connection.ts'
import { inboundMessage } from './net/inbound-message.ts'
import { misbehavingConnection } from './net/misbehaving-connection.ts'
import { outboundConnection } from './net/outbound-connection.ts'
import { outboundMessage } from './net/outbound-message.ts'
import { utxocacheAdd } from './utxocache/add.ts'
import { utxocacheFlush } from './utxocache/flush.ts'
import { utxocacheSpent } from './utxocache/spent.ts'
import { utxocacheUncache } from './utxocache/uncache.ts'

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
  inboundMessage,
  outboundMessage,
  inboundConnection,
  outboundConnection,
  evictedInboundConnection,
  closedConnection,
  misbehavingConnection,
  blockHeader,
  compactBlockReconstructed,
  mempoolAdded,
  mempoolRemoved,
  mempoolReplaced,
  mempoolRejected,
  utxocacheAdd,
  utxocacheSpent,
  utxocacheUncache,
  utxocacheFlush,
] as const

type Known = (typeof tracepoints)[number]
type Recorded = Extract<Known, { readonly isRecorded: true }>
type OfBlock = Extract<Known, { readonly isOfBlock: true }>

/** The decoded event of any recorded tracepoint; `probe` tells which. */
export type TracepointEvent = EventOf<Recorded>
/** An event that tells of a block. */
export type BlockEvent = EventOf<OfBlock>

/** All tracepoints, as the general type. */
export const allTracepoints: readonly Tracepoint[] = [...tracepoints]
export const countedTracepoints = allTracepoints.filter((tracepoint) => tracepoint.counted !== undefined)
/** Those of which hits become events, all or a few. */
export const recordedTracepoints = tracepoints.filter((tracepoint): tracepoint is Recorded => tracepoint.isRecorded)
export const blockTracepoints = tracepoints.filter((tracepoint): tracepoint is OfBlock => tracepoint.isOfBlock)

/** Tracepoints of these groups. */
export const tracepointsOf = (groups: readonly Group[]): readonly Tracepoint[] =>
  allTracepoints.filter(({ group }) => groups.includes(group))

const fibreProbes = allTracepoints.filter(({ group }) => group === 'fibre').map(({ probe }) => probe)

/** Whether a binary that has these tracepoints is one with FIBRE; `undefined` if it has none at all. */
export const isFibreBuild = (offered: ReadonlySet<string>): boolean | undefined =>
  offered.size === 0 ? undefined : fibreProbes.some((probe) => offered.has(probe))

/** Tracepoints that every FIBRE node has: a missing one is a fault, while builds may lack any other. */
export const requiredProbes: ReadonlySet<string> = new Set(tracepoints.filter(({ required }) => required).map(({ probe }) => probe))

const stockProbes: ReadonlySet<string> = new Set([...requiredProbes].filter((probe) => !fibreProbes.includes(probe)))

/** Tracepoints that a binary has to have: of one with others, and none of FIBRE's, those of Bitcoin Core are expected alone. */
export const requiredOf = (offered: ReadonlySet<string>): ReadonlySet<string> =>
  isFibreBuild(offered) === false ? stockProbes : requiredProbes

const blockProbes: ReadonlySet<string> = new Set(blockTracepoints.map(({ probe }) => probe))

export const isBlockEvent = (event: TracepointEvent): event is BlockEvent => blockProbes.has(event.probe)
