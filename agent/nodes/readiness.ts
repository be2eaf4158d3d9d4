import type { HeldProbe } from '../sources/source.ts'
import type { NodeSnapshot, Readiness } from './snapshot.ts'

/** Unread events older than this mean that reading has stopped or cannot keep up. */
export const BACKLOG_SECONDS = 5
/** A page that has not come by then is one that is held back, not one that is read from disk. */
const HELD_SECONDS = 5

/** Not a fault: stock nodes are measured too. But an update of bitcoind may have brought it about. */
export const LOST_FIBRE = 'this bitcoind has none of the tracepoints of FIBRE, which the one before had: it is measured as a stock node'

/** Of a stock node with FIBRE's tracepoints among those that are wanted, but not those that tell of its blocks. */
export const BLOCKLESS = 'without FIBRE no blocks are measured where --tracepoints leaves validation out; add validation to it'

/** Something that keeps a process from being measured, with its node if that is a known one. */
export interface ProcessFault {
  readonly node?: string | undefined
  /** In words. */
  readonly text: string
}

export interface ReadinessInput {
  readonly nodes: readonly NodeSnapshot[]
  readonly backlogSeconds: number
  readonly processFaults: readonly ProcessFault[]
  /** Attached tracepoints of a node whose semaphore is 0. */
  readonly silentProbes: (node: string) => readonly string[]
  /** Tracepoints in which a thread of a node waits for a page. */
  readonly heldProbes: (node: string) => readonly HeldProbe[]
}

/** Whether everything that should be measured is, and if not, what is wrong. Silence alone is never a fault. */
export function readinessOf({ nodes, backlogSeconds, processFaults, silentProbes, heldProbes }: ReadinessInput): Readiness {
  const reasons = [...downReasons(nodes, processFaults)]
  for (const node of nodes.filter(({ isUp }) => isUp))
    reasons.push(
      ...[...attachReasons(node, silentProbes), ...heldReasons(heldProbes(node.node))].map((reason) => `${node.node}: ${reason}`),
    )
  if (backlogSeconds > BACKLOG_SECONDS)
    reasons.push(`events have been waiting to be read for ${Math.round(backlogSeconds)} s: the agent has too little CPU time`)
  return { ready: reasons.length === 0, reasons }
}

/** A node that is known is a reason while it is down; one that nobody named is not known for ever. */
function downReasons(nodes: readonly NodeSnapshot[], faults: readonly ProcessFault[]): readonly string[] {
  const ofNode = new Map(faults.filter(({ node }) => node !== undefined).map(({ node, text }) => [node, text]))
  const others = faults.filter(({ node }) => node === undefined).map(({ text }) => text)
  const isAnyUp = nodes.some(({ isUp }) => isUp)
  const down = nodes.filter(({ node, isUp, process }) => !isUp && (isAnyUp || ofNode.has(node) || (process && others.length > 0)))
  const reasons = [...down.map(({ node }) => `${node}: ${ofNode.get(node) ?? 'bitcoind is not running'}`), ...others]
  return isAnyUp || reasons.length > 0 ? reasons : ['no bitcoind is running; waiting for one']
}

function attachReasons({ node, attachError, probes }: NodeSnapshot, silentProbes: ReadinessInput['silentProbes']): readonly string[] {
  if (attachError !== undefined) return [attachError]
  const missing = probes.filter(({ attached }) => !attached).map(({ probe, reason }) => `${probe} is not attached: ${reason}`)
  const silent = silentProbes(node).map((probe) => `${probe} is attached but its semaphore is 0: it will not fire`)
  return [...missing, ...silent]
}

function heldReasons(probes: readonly HeldProbe[]): readonly string[] {
  return probes
    .filter(({ seconds }) => seconds > HELD_SECONDS)
    .map(
      ({ probe, seconds }) =>
        `a thread of bitcoind has been waiting in ${probe} for ${Math.round(seconds)} s for a page of its memory: ` +
        'a network file system does not answer, or userfaultfd holds it back',
    )
}
