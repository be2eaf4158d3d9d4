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

/** Data sources are variables, because their names differ between installations of Grafana. */
export const dataSources = {
  promql: { type: 'prometheus', uid: '$datasource' },
  logql: { type: 'loki', uid: '$loki' },
} as const

export interface Query {
  readonly language: keyof typeof dataSources
  /** May contain labels: `{{node}}`. */
  readonly legend: string
  readonly expr: string
  /** Most lines to fetch, the newest first; by default the limit of the data source. */
  readonly maxLines?: number
}

export const promql = (legend: string, expr: string): Query => ({ language: 'promql', legend, expr })
export const logql = (legend: string, expr: string): Query => ({ language: 'logql', legend, expr })

/** The name of a quantile in titles and legends. */
export const quantileName = (q: number): string => (q === 0.5 ? 'median' : `p${q * 100}`)

/** Texts, queries and format that all kinds of panels have. */
export interface PanelSpec {
  readonly title: string
  /** The question that the panel answers. */
  readonly question: string
  /** Help for reading the answer, where it is not obvious. */
  readonly reading?: string
  /** The meaning of an empty panel; continues "No data means …". */
  readonly noData: string
  /** The same in a few words, shown instead of a value. */
  readonly empty: string
  readonly queries: readonly Query[]
  readonly unit?: string
  readonly decimals?: number
  /** Values at which the colour changes, from thresholds.ts like those of the alerts. */
  readonly steps?: readonly Threshold[]
  readonly mappings?: readonly ValueMapping[]
  /** In columns; a dashboard has 24. */
  readonly width: number
  readonly height?: number
}

/** A panel that becomes part of a dashboard when it is given an id. */
export interface PanelDefinition {
  readonly spec: PanelSpec
  build(id: number): Panel
}

/** The methods that the SDK's builders of all kinds of panels share. */
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

/** The form of a query's result: a current value, a table of them, values over time, a heatmap, or log lines. */
type Mode = 'instant' | 'table' | 'range' | 'heatmap' | 'lines'

const DEFAULT_HEIGHT = 8

/** Applies a spec to a builder. */
export function definePanel(spec: PanelSpec, mode: Mode, builder: () => PanelBuilder): PanelDefinition {
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

/** Colours of the mechanisms and of states, the same in every panel. */
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
