import { increase } from '../expressions.ts'
import { recordedReconstruction } from '../recording.ts'
import type { Alert } from '../rule.ts'
import { objective } from '../thresholds.ts'

/** The alert for too many slow blocks over a week. */
export const objectiveMissed: Alert = {
  alert: 'FibreObjectiveMissed',
  expr: [
    `${recordedReconstruction.long} < ${objective.share}`,
    `and ${recordedReconstruction.short} < ${objective.share}`,
    `and ${increase('fibre_block_reconstruction_duration_seconds_count', { window: objective.long })} >= ${objective.blocks}`,
  ].join('\n'),
  for: '1h',
  severity: 'warning',
  summary: 'Too many slow blocks of {{ $labels.node }}',
  description: `{{ $value | humanizePercentage }} of the blocks of {{ $labels.node }} were reconstructed within ${objective.le} s in ${objective.long}, and the last ${objective.short} was no better. The objective is ${objective.share * 100} %.`,
}
