import { median } from '../harness/statistics.ts'
import { type Goal, type Result, show, type Unit, verdictOf } from './figure.ts'
import { type MachineFacts, warningOf } from './machine.ts'

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
  const spread = (values: readonly number[]) => ({
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    samples: values,
  })
  return { ...spread(samples), peer: peer && { name: peer.name, ...spread(peer.samples) }, notes }
}

/** A table, what has to be known of its figures, and of the machine. */
export function asTable(machine: MachineFacts, results: readonly Result[]): string {
  const rows = [['figure', 'reach', 'measured', 'from – to', 'peer', 'verdict'], ...results.map(rowOf)]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  const { cores, cpu, kernel, node, loadAverage } = machine
  const about = `${cores} cores (${cpu}), Linux ${kernel}, Node.js ${node}, load average at the start ${loadAverage.toFixed(2)}`
  const warning = warningOf(machine)
  return [lines[0], rule, ...lines.slice(1), '', ...results.flatMap(notesOf), about, ...(warning ? [`warning: ${warning}`] : [])].join('\n')
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

function reach(goal: Goal, unit: Unit): string {
  if ('atLeast' in goal) return `≥ ${show(goal.atLeast, unit)}`
  return goal.atMost === 'peer' ? '≤ peer' : `≤ ${show(goal.atMost, unit)}`
}

function notesOf({ figure: { name }, measurement, reason }: Result): string[] {
  const notes = [...(reason ? [`not measured: ${reason}`] : []), ...(measurement?.notes ?? [])]
  return notes.length > 0 ? [...notes.map((note) => `${name}: ${note}`), ''] : []
}
