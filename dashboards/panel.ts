import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import * as loki from '@grafana/grafana-foundation-sdk/loki'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'

/** Data sources are variables: nothing here knows what they are called at the reader's. */
export const dataSources = {
  promql: { type: 'prometheus', uid: '$datasource' },
  logql: { type: 'loki', uid: '$loki' },
} as const

export interface Query {
  readonly language: keyof typeof dataSources
  /** May hold labels: `{{node}}`. */
  readonly legend: string
  readonly expr: string
  /** The newest lines of log, at most; as many as the data source says, if not given. */
  readonly maxLines?: number
}

export const promql = (legend: string, expr: string): Query => ({ language: 'promql', legend, expr })
export const logql = (legend: string, expr: string): Query => ({ language: 'logql', legend, expr })

/** What a quantile is called where it is shown. */
export const quantileName = (q: number): string => (q === 0.5 ? 'median' : `p${q * 100}`)

/** What every panel says, and what it asks. */
export interface PanelSpec {
  readonly title: string
  /** The question that it answers. */
  readonly question: string
  /** How to read the answer, where that is not plain. */
  readonly reading?: string
  /** What it means if there is nothing to show: goes on after "No data means". */
  readonly noData: string
  /** The same in a few words, shown in place of a value. */
  readonly empty: string
  readonly queries: readonly Query[]
  readonly unit?: string
  readonly decimals?: number
  /** Where the colour changes. Values come from thresholds.ts, as those of the alerts do. */
  readonly steps?: readonly Threshold[]
  readonly mappings?: readonly ValueMapping[]
  /** Of 24. */
  readonly width: number
  readonly height?: number
}

/** A panel that is yet to be placed on a dashboard. */
export interface Tile {
  readonly spec: PanelSpec
  build(id: number): Panel
}

/** What the builders of all kinds of panels have in common. */
interface PanelBuilder extends Builder<Panel> {
  id(id: number): unknown
  title(title: string): unknown
  description(description: string): unknown
  datasource(datasource: { readonly type: string; readonly uid: string }): unknown
  targets(targets: Builder<Dataquery>[]): unknown
  span(width: number): unknown
  height(height: number): unknown
  noValue(text: string): unknown
  unit(unit: string): unknown
  decimals(decimals: number): unknown
  mappings(mappings: ValueMapping[]): unknown
  thresholds(thresholds: ThresholdsConfigBuilder): unknown
}

/** How a query is asked: for its value now, for that in a table, over time, for a heatmap, or for lines of log. */
type Mode = 'instant' | 'table' | 'range' | 'heatmap' | 'lines'

const DEFAULT_HEIGHT = 8

/** Gives a builder all that a spec says. */
export function tile(spec: PanelSpec, mode: Mode, builder: () => PanelBuilder): Tile {
  return {
    spec,
    build(id) {
      const panel = builder()
      panel.id(id)
      panel.title(spec.title)
      panel.description(descriptionOf(spec))
      panel.span(spec.width)
      panel.height(spec.height ?? DEFAULT_HEIGHT)
      panel.noValue(spec.empty)
      if (spec.unit !== undefined) panel.unit(spec.unit)
      if (spec.decimals !== undefined) panel.decimals(spec.decimals)
      if (spec.mappings) panel.mappings([...spec.mappings])
      if (spec.steps) panel.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...spec.steps]))
      panel.datasource(dataSources[spec.queries[0]?.language ?? 'promql'])
      panel.targets(spec.queries.map((query, index) => target(query, mode, String.fromCharCode('A'.charCodeAt(0) + index))))
      return panel.build()
    },
  }
}

function descriptionOf({ question, reading, noData }: PanelSpec): string {
  return `${[question, reading].filter(Boolean).join(' ')}\n\nNo data means ${noData}.`
}

function target({ language, legend, expr, maxLines }: Query, mode: Mode, refId: string): Builder<Dataquery> {
  if (language === 'logql') {
    const query = new loki.DataqueryBuilder().refId(refId).datasource(dataSources.logql).expr(expr)
    if (mode === 'lines') return maxLines === undefined ? query.queryType('range') : query.queryType('range').maxLines(maxLines)
    return query.queryType(mode === 'range' ? 'range' : 'instant').legendFormat(legend)
  }
  const query = new prometheus.DataqueryBuilder().refId(refId).datasource(dataSources.promql).expr(expr).legendFormat(legend)
  if (mode === 'heatmap') return query.range().format(prometheus.PromQueryFormat.Heatmap)
  if (mode === 'range') return query.range()
  return mode === 'table' ? query.instant().format(prometheus.PromQueryFormat.Table) : query.instant()
}

/** What FIBRE has, compact blocks have and all else has wherever it is shown. */
export const colours = {
  fibre: 'blue',
  compact: 'orange',
  other: '#8e8e8e',
  both: 'purple',
  good: 'green',
  low: 'yellow',
  bad: 'red',
} as const

/** Gives a series a colour. */
export const colourOf = (colour: string): DynamicConfigValue => ({
  id: 'color',
  value: new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(colour).build(),
})
