import type { BlockRecord } from '../blocks/record.ts'
import type { SlowBlockPayload } from './payload.ts'

/** Tells of a slow block in one sentence: which came, from where, the time it took, and what took most of it. */
export function slowBlockSummary(record: BlockRecord, { severity, reconstruction_ms: reconstruction }: SlowBlockPayload): string {
  const { node, height, block_hash: hash, reconstruction_peer: peer, path } = record
  const rest = Math.max(0, record.reconstructed_to_connected_ms ?? 0) // less than 0 where a compact block was connected first
  const validation = Math.min(rest, record.connect_ms ?? 0)
  const stages = { reconstruction, 'waiting for validation': rest - validation, validation }
  const [slowest, ms] = Object.entries(stages).reduce((most, stage) => (stage[1] > most[1] ? stage : most))
  return [
    `${severity.replace('_', ' ')} block ${height ?? hash} of ${node}: by FIBRE`,
    ...(peer === undefined ? [] : [`from ${peer}`]),
    `in ${formatMs(reconstruction + rest)}${rest === 0 ? '' : `, ${formatMs(ms)} of it ${slowest}`}`,
    ...(path === 'bip152_cmpct' ? ['(a compact block came first)'] : []),
  ].join(' ')
}

const formatMs = (ms: number) => `${ms < 100 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`
