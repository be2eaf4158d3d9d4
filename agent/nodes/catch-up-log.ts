import type { Logger } from 'pino'
import type { CatchUp } from '../blocks/catch-up.ts'

/** Logs that a node begins to catch up, and when it has, with how many blocks and how fast. */
export function logCatchUp(log: Logger, node: string, phase: 'begun' | 'ended', { firstNs, lastNs, blocks }: CatchUp): void {
  if (phase === 'begun') {
    log.info({ node }, 'catching up: blocks that the node missed are counted, and otherwise not measured')
    return
  }
  const seconds = (lastNs - firstNs) / 1e9
  const rate = seconds > 0 ? { blocks_per_second: Number((blocks / seconds).toPrecision(3)) } : {}
  log.info({ node, blocks, seconds: Number(seconds.toFixed(3)), ...rate }, 'caught up')
}
