import { increase } from '../expressions.ts'
import { blocksPerDay, catchingUpFactor } from '../thresholds.ts'

/** A duration of hours or days, as PromQL writes it. */
export type Window = `${number}h` | `${number}d`

const connected = (window: Window) => increase('bitcoin_blocks_connected_total', { window })

/** True of a node that connects far more blocks than miners find: it downloads blocks that it missed. */
export const catchingUp = (window: Window): string => `${connected(window)} > ${mostBlocksIn(window)}`

/** True of a node that connected enough blocks in a window to be judged, and is not catching up. */
export const hasBlocks = (window: Window, least: number): string => `${connected(window)} >= ${least} <= ${mostBlocksIn(window)}`

/** The most blocks in a window that can all be new. */
export function mostBlocksIn(window: Window): number {
  const hours = Number.parseFloat(window) * (window.endsWith('d') ? 24 : 1)
  return (catchingUpFactor * blocksPerDay * hours) / 24
}
