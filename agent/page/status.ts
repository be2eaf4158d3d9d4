import type { Snapshot } from '../nodes/snapshot.ts'

/** Whether the agent measures what it should. */
export interface Health {
  readonly ready: boolean
  /** Faults, in words that an operator can act on; empty when ready. */
  readonly reasons: readonly string[]
}

/** State of the agent and its nodes, for the page and the JSON behind it. */
export interface Status {
  readonly version: string
  readonly startedAt: Date
  readonly health: Health
  /** Faults that cost no readiness, such as a journal that cannot be written. */
  readonly warnings?: readonly string[] | undefined
  readonly targets: readonly TargetStatus[]
  /** The Collector's address when metrics are pushed. */
  readonly pushing?: string | undefined
}

export interface TargetStatus {
  readonly node: string
  /** Set where a recording is replayed: no process is there then, and its file stands for the executable. */
  readonly replay?: 'replaying' | 'replayed' | undefined
  readonly pid: number
  readonly executable: string
  readonly up: boolean
  readonly probes: readonly ProbeStatus[]
  /** Blocks connected since the agent started. */
  readonly blocks: number
  /** Races won by each mechanism since the agent started. */
  readonly fibreWins: number
  readonly compactWins: number
  readonly otherWins: number
  /** Absent until the first block, like the time. Of a build that does not say what it connects, by its races. */
  readonly lastHeight?: number | undefined
  readonly lastBlockAt?: Date | undefined
  /** Events that the kernel could not deliver. */
  readonly eventsLost: number
}

export interface ProbeStatus {
  readonly probe: string
  readonly attached: boolean
  /** Why it is not attached. */
  readonly reason?: string | undefined
}

export function statusOf({ version, startedAt, readiness, warnings, nodes, pushing }: Snapshot): Status {
  return {
    version,
    startedAt,
    health: readiness,
    warnings,
    pushing,
    targets: nodes.flatMap(({ node, isUp, process, replay, probes, connected, wins, lastHeight, lastBlockAt, lost }) =>
      process === undefined
        ? []
        : {
            node,
            replay,
            pid: process.pid,
            executable: process.executable,
            up: isUp,
            probes,
            blocks: connected,
            fibreWins: wins.fibre_udp,
            compactWins: wins.bip152_cmpct,
            otherWins: wins.other,
            lastHeight,
            lastBlockAt,
            eventsLost: [...lost.values()].reduce((sum, count) => sum + count, 0),
          },
    ),
  }
}
