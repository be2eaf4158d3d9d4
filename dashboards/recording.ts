import { reconstructedWithin } from './expressions.ts'
import type { Recording } from './rule.ts'
import { objective } from './thresholds.ts'

/** Share of blocks reconstructed in time, over the objective's two windows. */
export const recordedReconstruction = {
  long: `job_node:fibre_block_reconstruction_duration_seconds:ratio_within_objective_${objective.long}`,
  short: `job_node:fibre_block_reconstruction_duration_seconds:ratio_within_objective_${objective.short}`,
} as const

/** Recording rules for the shares that would otherwise read a week of samples at each evaluation. */
export const recordings: readonly Recording[] = [
  { record: recordedReconstruction.long, expr: reconstructedWithin(objective.le, { window: objective.long }) },
  { record: recordedReconstruction.short, expr: reconstructedWithin(objective.le, { window: objective.short }) },
]
