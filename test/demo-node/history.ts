import { readFileSync } from 'node:fs'

interface Passed {
  readonly peer: number
  readonly message: string
  /** CLOCK_MONOTONIC, when the node was about to fire. */
  readonly at_ns: number
  /** Of the payload. */
  readonly bytes: number
}

/** What a demo node says it did with a block, in the order of the file when it was done with it. */
export interface BlockHistory {
  readonly block_hash: string
  readonly height: number
  /** null: only its header or compact block came. */
  readonly path: 'fibre_udp' | 'compact_block' | 'compact_block_round_trip' | 'full_block' | 'mined_here' | 'caught_up' | null
  /** The first message of each peer, the first announcement first. */
  readonly announcements: readonly (Passed & { readonly lag_ns: number })[]
  /** The first one. */
  readonly compact_block: Passed | null
  readonly requested: {
    readonly transactions: number
    readonly transaction_bytes: number
    readonly request: Passed
    readonly answer: Passed
    readonly round_trip_ns: number
  } | null
  readonly whole_block: Passed | null
  /** By FIBRE. */
  readonly reconstructed_ns: number | null
  readonly connected_ns: number | null
  /** The first message that told a peer. */
  readonly told: Passed | null
  readonly told_peers: number
  /** Of FIBRE before the compact block, where that came after the block was connected and so is not in the race. */
  readonly late_head_start_ns: number | null
  /** The block at the same height that this one competes with or replaces. */
  readonly rival: string | null
}

/** Reads what a demo node appended to its `--history`. */
export function readHistory(path: string): readonly BlockHistory[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}
