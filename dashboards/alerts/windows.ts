import { increase } from '../expressions.ts'
import { blocksPerDay, catchingUpFactor } from '../thresholds.ts'

/** A duration of hours or days, as PromQL writes it. */
export type Window = `${number}h` | `${number}d`

const connected = (window: Window) => increase('bitcoin_blocks_connected_total', { window })

/** A node that connects far more blocks than are found: it is downloading what it has missed. */
export const catchingUp = (window: Window): string => `${connected(window)} > ${mostBlocksIn(window)}`

/** That a node has connected enough blocks in a window to judge by, and is not catching up. */
export const hasBlocks = (window: Window, least: number): string => `${connected(window)} >= ${least} <= ${mostBlocksIn(window)}`

/** More blocks than this are not all new. */
export function mostBlocksIn(window: Window): number {
  const hours = Number.parseFloat(window) * (window.endsWith('d') ? 24 : 1)
  return (catchingUpFactor * blocksPerDay * hours) / 24
}
