import { median } from '../harness/statistics.ts'
import { type Goal, type Result, show, type Unit, verdictOf } from './figure.ts'
import { type MachineFacts, warningOf } from './machine.ts'
import { alignColumns } from './table.ts'

/** Everything, for machines. */
export function asJson(machine: MachineFacts, results: readonly Result[]): string {
  const figures = results.map((result) => {
    const { figure, measurement, reason } = result
    const { name, title, unit, goal } = figure
    return { name, title, unit, goal, verdict: verdictOf(result), reason, ...(measurement && summarize(measurement)) }
  })
  return JSON.stringify({ machine, warning: warningOf(machine), figures }, null, 2)
}

function summarize({ samples, peer, notes = [] }: NonNullable<Result['measurement']>) {
  return { ...spreadOf(samples), peer: peer && { name: peer.name, ...spreadOf(peer.samples) }, notes }
}

export const spreadOf = (samples: readonly number[]) => ({
  median: median(samples),
  min: Math.min(...samples),
  max: Math.max(...samples),
  samples,
})

/** A table, what has to be known of its figures, and of the machine. */
export function asTable(machine: MachineFacts, results: readonly Result[]): string {
  const table = alignColumns([['figure', 'reach', 'measured', 'from – to', 'peer', 'verdict'], ...results.map(rowOf)])
  return [table, '', ...results.flatMap(notesOf), ...aboutMachine(machine)].join('\n')
}

function rowOf(result: Result): string[] {
  const { figure, measurement } = result
  const { title, unit, goal } = figure
  const samples = measurement?.samples ?? []
  const peer = measurement?.peer
  return [
    title,
    reach(goal, unit),
    measurement ? show(median(samples), unit) : '',
    samples.length > 1 ? `${show(Math.min(...samples), unit)} – ${show(Math.max(...samples), unit)}` : '',
    peer ? `${show(median(peer.samples), unit)} (${peer.name})` : '',
    verdictOf(result),
  ]
}

export function reach(goal: Goal | undefined, unit: Unit): string {
  if (goal === undefined) return ''
  if ('atLeast' in goal) return `≥ ${show(goal.atLeast, unit)}`
  return goal.atMost === 'peer' ? '≤ peer' : `≤ ${show(goal.atMost, unit)}`
}

function notesOf({ figure: { name }, measurement, reason }: Result): string[] {
  const notes = [...(reason ? [`not measured: ${reason}`] : []), ...(measurement?.notes ?? [])]
  return notes.length > 0 ? [...notes.map((note) => `${name}: ${note}`), ''] : []
}

/** Lines that stand below a table. */
export function aboutMachine(machine: MachineFacts): readonly string[] {
  const { cores, cpu, kernel, node, loadAverage } = machine
  const warning = warningOf(machine)
  return [
    `${cores} cores (${cpu}), Linux ${kernel}, Node.js ${node}, load average at the start ${loadAverage.toFixed(2)}`,
    ...(warning ? [`warning: ${warning}`] : []),
  ]
}
