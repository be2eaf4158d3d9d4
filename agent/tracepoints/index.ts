import { blockCoinbase } from './block-coinbase.ts'
import { blockConnected } from './block-connected.ts'
import { blockHeaderChunk } from './block-header-chunk.ts'
import { blockRaceTime } from './block-race-time.ts'
import { blockRaceWinner } from './block-race-winner.ts'
import { blockReconstructed } from './block-reconstructed.ts'
import { blockReconstructionDetail } from './block-reconstruction-detail.ts'
import { blockSendStart } from './block-send-start.ts'
import type { EventOf } from './define.ts'

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
] as const

/** The decoded event of any of them; `probe` tells which. */
export type TracepointEvent = EventOf<(typeof tracepoints)[number]>

/** Tracepoints that every FIBRE node has: one that is missing is a fault, of any other it is that build's way. */
export const requiredProbes: ReadonlySet<string> = new Set([
  blockReconstructed.probe,
  blockSendStart.probe,
  blockRaceWinner.probe,
  blockRaceTime.probe,
  blockConnected.probe,
])
