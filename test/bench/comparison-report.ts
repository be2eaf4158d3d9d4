import { median } from '../harness/statistics.ts'
import type { Comparison } from './against.ts'
import type { Checkout } from './checkout.ts'
import { type Result, show, verdictOf } from './figure.ts'
import type { MachineFacts } from './machine.ts'
import { aboutMachine, reach, spreadOf } from './report.ts'
import { alignColumns } from './table.ts'

/** Our median divided by the base's; `undefined` where one is missing or the base's is 0. */
export function ratioOf({ base, here }: Comparison): number | undefined {
  if (!base.measurement || !here.measurement) return undefined
  const ratio = median(here.measurement.samples) / median(base.measurement.samples)
  return Number.isFinite(ratio) ? ratio : undefined
}

/** A table of both medians, with what they range over, and their ratio. */
export function comparisonTable(machine: MachineFacts, base: Checkout, comparisons: readonly Comparison[]): string {
  const table = alignColumns([['figure', 'reach', base.name, 'here', 'here / base', 'verdict'], ...comparisons.map(rowOf)])
  const reasons = comparisons.flatMap(({ base, here }) => [...reasonOf(base, 'the other checkout'), ...reasonOf(here, 'this checkout')])
  return [table, '', ...reasons, ...aboutMachine(machine)].join('\n')
}

function rowOf(comparison: Comparison): string[] {
  const { base, here } = comparison
  const { title, unit, goal } = here.figure
  return [title, reach(goal, unit), cell(base), cell(here), ratioOf(comparison)?.toFixed(2) ?? '', verdictOf(here)]
}

function cell({ figure: { unit }, measurement }: Result): string {
  if (!measurement) return ''
  const { median, min, max } = spreadOf(measurement.samples)
  return min === max ? show(median, unit) : `${show(median, unit)} (${show(min, unit)} – ${show(max, unit)})`
}

const reasonOf = ({ figure, reason }: Result, where: string) => (reason ? [`${figure.name}: not measured on ${where}: ${reason}`, ''] : [])

/** Everything, for machines. */
export function comparisonJson(machine: MachineFacts, base: Checkout, comparisons: readonly Comparison[]): string {
  const side = ({ measurement, reason }: Result) => (measurement ? spreadOf(measurement.samples) : { reason })
  const figures = comparisons.map((comparison) => {
    const { base, here } = comparison
    const { name, title, unit, goal } = here.figure
    return { name, title, unit, goal, verdict: verdictOf(here), base: side(base), here: side(here), ratio: ratioOf(comparison) }
  })
  return JSON.stringify({ machine, base: base.name, figures }, null, 2)
}
