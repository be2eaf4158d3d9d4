import type { Labels, Measured, Sample } from '../definition.ts'

export const noLabels: Labels = {}

/** Hands on each sample of what was measured, with a context of the caller's: a closure for each event would cost more. */
export function forEachSample<Context>(
  measured: Measured,
  context: Context,
  take: (context: Context, value: number, labels: Labels) => void,
): void {
  if (measured === undefined) return
  if (typeof measured === 'number') take(context, measured, noLabels)
  else if (isSample(measured)) take(context, measured.value, measured.labels)
  else for (const { value, labels } of measured) take(context, value, labels)
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)
