import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promtool } from '../../harness/promtool.ts'

/** The sample of a series at a minute: nothing where no sample was stored, `stale` where a scrape found it gone. */
export type AtMinute = (minute: number) => number | 'stale' | undefined

/** Series by selector. */
export type SeriesSet = Readonly<Record<string, AtMinute>>

export interface FiredAlert {
  readonly alert: string
  readonly severity: string
  /** Its other labels. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** Has promtool run rules on series, with a sample and an evaluation every `step` minutes, and says which of these alerts fire at some minutes. */
export async function firedAt(rules: string, names: readonly string[], series: SeriesSet, minutes: readonly number[], step = 1) {
  const alert_rule_test = minutes.flatMap((minute) => names.map((alertname) => ({ eval_time: `${minute}m`, alertname })))
  const output = await run(rules, { ...inputOf(series, Math.max(...minutes), step), alert_rule_test })
  const fired = new Map<number, FiredAlert[]>(minutes.map((minute) => [minute, []]))
  for (const [, time = '', got = ''] of output.matchAll(/alertname: \w+, time: (\w+), \n\s+exp:\[\], \n\s+got:\[\n([\s\S]*?)\n\s+\]\n/g))
    fired.get(minutesOf(time))?.push(...alertsIn(got))
  return fired
}

/** Has promtool run rules on series, with a sample and an evaluation every `step` minutes, and says what an expression comes to at a minute: values by labels. */
export async function resultAt(rules: string, series: SeriesSet, expr: string, minute: number, step = 1) {
  const output = await run(rules, { ...inputOf(series, minute, step), promql_expr_test: [{ expr, eval_time: `${minute}m` }] })
  const [, got = ''] = /exp: nil\n\s+got: (.*)\n/.exec(output) ?? []
  return new Map([...got.matchAll(/(\w*\{[^}]*\}) ([^\s,]+)/g)].map(([, labels = '', value]) => [labels, Number(value)]))
}

function inputOf(series: SeriesSet, lastMinute: number, step: number) {
  const input_series = Object.entries(series).map(([selector, at]) => ({ series: selector, values: valuesOf(at, lastMinute, step) }))
  return { interval: `${step}m`, input_series }
}

/** In promtool's notation: equal ones together. */
function valuesOf(at: AtMinute, lastMinute: number, step: number): string {
  const runs: { readonly value: string; count: number }[] = []
  for (let minute = 0; minute <= lastMinute; minute += step) {
    const value = `${at(minute) ?? '_'}`
    const last = runs.at(-1)
    if (last?.value === value && value !== 'stale') last.count++
    else runs.push({ value, count: 1 })
  }
  return runs.map(({ value, count }) => (count === 1 ? value : value === '_' ? `_x${count}` : `${value}x${count - 1}`)).join(' ')
}

/** The alerts that promtool prints for a test that expects none. */
async function run(rules: string, test: { readonly interval: string; readonly [key: string]: unknown }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fibre-rules-'))
  try {
    writeFileSync(join(folder, 'rules.yaml'), rules)
    // JSON is YAML.
    writeFileSync(
      join(folder, 'test.yaml'),
      JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: test.interval, tests: [test] }),
    )
    const { status, stdout, stderr } = spawnSync(await promtool(), ['test', 'rules', 'test.yaml'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
    const output = stdout + stderr
    if (status !== 0 && !/ exp: ?(?:\[\]|nil)/.test(output)) throw new Error(`promtool cannot run this test: ${output}`)
    return output
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function minutesOf(duration: string): number {
  const perUnit = { d: 1440, h: 60, m: 1 }
  return [...duration.matchAll(/(\d+)([dhm])(?!s)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * perUnit[unit as 'd' | 'h' | 'm'],
    0,
  )
}

function alertsIn(got: string): FiredAlert[] {
  return [...got.matchAll(/Labels:(\{.*\})\n\s*Annotations:(\{.*\})/g)].map(([, labelText = '', annotationText = '']) => {
    const { alertname: alert = '', severity = '', ...labels } = pairsIn(labelText)
    return { alert, severity, labels, annotations: pairsIn(annotationText) }
  })
}

const pairsIn = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)].map(([, name, quoted = '']) => [name, JSON.parse(quoted)]))
