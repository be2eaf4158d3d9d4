import type { NodeSnapshot, Snapshot } from '../nodes/snapshot.ts'

/** A node of which a process was seen, or the recording that stands for one. */
export interface SeenNode extends NodeSnapshot {
  readonly process: NonNullable<NodeSnapshot['process']>
}

/** Returns the nodes that have something to show. */
export function seenNodes({ nodes }: Snapshot): readonly SeenNode[] {
  return nodes.filter((node): node is SeenNode => node.process !== undefined)
}

/** Adds up the events that a node lost, of all types. */
export function countLostEvents({ lost }: NodeSnapshot): number {
  return lost.values().reduce((sum, count) => sum + count, 0)
}
