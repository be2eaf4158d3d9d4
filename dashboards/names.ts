import { type AgentMetric, metricsOfAgent, metricsOfNodes, type NodeMetric } from '../agent/metrics/index.ts'

/** Series that Prometheus makes itself, with their labels. All but ALERTS exist only where agents are scraped. */
const prometheusSeries = {
  up: [],
  scrape_duration_seconds: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'node'],
} as const

/** Labels that Prometheus gives to every series of an agent. */
const targetLabels = ['job', 'instance'] as const

type Definition = (NodeMetric & { readonly ofNode: true }) | AgentMetric

type SeriesOf<D> = D extends { type: 'histogram'; name: infer Name extends string }
  ? `${Name}_${'bucket' | 'sum' | 'count'}`
  : D extends { name: infer Name extends string }
    ? Name
    : never

type LabelsOf<D> = (D extends { ofNode: true } ? { node: string } : unknown) &
  (D extends { labels: infer Labels extends object }
    ? { [Label in keyof Labels]: Labels[Label] extends readonly (infer Closed)[] ? Closed : string }
    : unknown)

/** Whole bounds are left out: without relabelling, a scraped `1.0` differs from a pushed `1`. */
type BoundOf<D> = D extends { buckets: readonly (infer Bound extends number)[] }
  ? { le: Extract<`${Bound}`, `${string}.${string}`> }
  : unknown

/** The name of a series of the agent or of Prometheus. A histogram has three: `_bucket`, `_sum`, `_count`. */
export type SeriesName = SeriesOf<Definition> | keyof typeof prometheusSeries

type Declared<Name extends string, D = Definition> = D extends unknown
  ? Name extends SeriesOf<D>
    ? LabelsOf<D> & (Name extends `${string}_bucket` ? BoundOf<D> : unknown)
    : never
  : never

/** The labels of a series. A label with a closed set of values takes no other value. */
export type LabelsOfSeries<Name extends SeriesName> = Record<(typeof targetLabels)[number], string> &
  (Name extends keyof typeof prometheusSeries ? Record<(typeof prometheusSeries)[Name][number], string> : Declared<Name>)

type KeysOfUnion<T> = T extends unknown ? keyof T : never
/** The name of any label. */
export type Label = KeysOfUnion<{ [Name in SeriesName]: LabelsOfSeries<Name> }[SeriesName]> & string

/** Returns a name that the compiler has checked. */
export const metric = <Name extends SeriesName>(name: Name): Name => name

/** Label matchers of every selector in an expression, such as `node=~"$node"`; empty in rules. */
export type Scope = string

/** Selects a series: `name{scope, label="value"}`. */
export function select<Name extends SeriesName>(name: Name, labels: Partial<LabelsOfSeries<Name>> = {}, scope: Scope = ''): string {
  const matchers = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  const all = [...(scope ? [scope] : []), ...matchers].join(', ')
  return all ? `${name}{${all}}` : name
}

/** Every series by name, with its labels. */
export const declaredSeries: ReadonlyMap<string, ReadonlySet<string>> = new Map(allSeries())

function* allSeries(): Generator<readonly [string, ReadonlySet<string>]> {
  const labelled = (name: string, labels: readonly string[]) => [name, new Set([...targetLabels, ...labels])] as const
  for (const definition of [...metricsOfNodes, ...metricsOfAgent]) {
    const { name, type } = definition
    const labels = [...(metricsOfNodes.has(definition) ? ['node'] : []), ...Object.keys(definition.labels ?? {})]
    if (type === 'histogram') {
      yield labelled(`${name}_bucket`, [...labels, 'le'])
      yield labelled(`${name}_sum`, labels)
      yield labelled(`${name}_count`, labels)
    } else yield labelled(name, labels)
  }
  for (const [name, labels] of Object.entries(prometheusSeries)) yield labelled(name, labels)
}
