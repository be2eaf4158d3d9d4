import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LogsSortOrder,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DataTransformerConfig,
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
} from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap'
import * as logs from '@grafana/grafana-foundation-sdk/logs'
import * as stats from '@grafana/grafana-foundation-sdk/stat'
import * as timelines from '@grafana/grafana-foundation-sdk/statetimeline'
import * as tables from '@grafana/grafana-foundation-sdk/table'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import { colourOf, definePanel, type PanelDefinition, type PanelSpec } from './panel.ts'

/** A quantile over a day changes little within ten minutes, the average time between blocks. */
const WINDOW_STEP = '10m'
/** Prometheus reads a whole window for each point: 200 points over a week of three nodes' head starts are 30 million samples. */
const WINDOW_POINTS = 100

/** The current value of each node. */
export const stat = (spec: PanelSpec): PanelDefinition =>
  definePanel({ height: 6, ...spec }, 'instant', () =>
    new stats.PanelBuilder()
      .graphMode(BigValueGraphMode.None)
      .colorMode(spec.steps || spec.mappings ? BigValueColorMode.Value : BigValueColorMode.None)
      .textMode(BigValueTextMode.ValueAndName)
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull'])),
  )

interface SeriesSpec extends PanelSpec {
  /** Colours by legend. */
  readonly series?: Readonly<Record<string, string>>
  /** Texts and colours by the label's value that is the legend. */
  readonly values?: Readonly<Record<string, { readonly text: string; readonly color: string }>>
  /** Bounds of the axis. */
  readonly min?: number
  readonly max?: number
}

/** Lines of values over the window that ends at each point. */
export const windowLines = (spec: SeriesSpec): PanelDefinition =>
  definePanel(spec, 'range', () => overTime(spec).interval(WINDOW_STEP).maxDataPoints(WINDOW_POINTS).lineWidth(2).fillOpacity(5))

/** Lines of values at each point. A query over `$__interval` needs a step that is long enough for it. */
export const lines = (spec: SeriesSpec & { readonly step?: string }): PanelDefinition =>
  definePanel(spec, 'range', () => {
    const panel = overTime(spec).lineWidth(1).fillOpacity(0)
    return spec.step === undefined ? panel : panel.interval(spec.step)
  })

/** Bars of increases in each step: queries use `eachStep`. A step is at least an hour unless `step` says otherwise. */
export const bars = (spec: SeriesSpec & { readonly step?: string; readonly stacked?: boolean }): PanelDefinition =>
  definePanel(spec, 'range', () => {
    const { step = '1h', stacked = true } = spec
    const panel = overTime(spec).interval(step).drawStyle(GraphDrawStyle.Bars).fillOpacity(70).lineWidth(0)
    return stacked ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')) : panel
  })

function overTime({ steps, series = {}, values = {}, min, max, queries }: SeriesSpec) {
  const panel = new timeseries.PanelBuilder()
    .legend(new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .showPoints(VisibilityMode.Never)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
  if (steps && queries.length > 0) panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
  if (min !== undefined) panel.min(min)
  if (max !== undefined) panel.max(max)
  for (const [legend, colour] of Object.entries(series)) panel.overrideByName(legend, [colourOf(colour)])
  for (const [value, { text, color }] of Object.entries(values))
    panel.overrideByName(value, [{ id: 'displayName', value: text }, colourOf(color)])
  return panel
}

/** The distribution of a histogram over time, from one query by `le`. */
export const heatmap = (spec: PanelSpec & { readonly scheme?: 'Blues' | 'Oranges' | 'Purples' }): PanelDefinition =>
  definePanel(spec, 'heatmap', () => {
    const { unit, scheme = 'Blues' } = spec
    const panel = new heatmaps.PanelBuilder()
      .interval('1h')
      .color(
        new heatmaps.HeatmapColorOptionsBuilder()
          .mode(heatmaps.HeatmapColorMode.Scheme)
          .scheme(scheme)
          .exponent(0.5)
          .steps(64)
          .fill('dark-orange'),
      )
    if (unit !== undefined) panel.yAxis(new heatmaps.YAxisConfigBuilder().unit(unit))
    return panel
  })

/** A band for each series that has few states. */
export const timeline = (spec: PanelSpec): PanelDefinition =>
  definePanel(spec, 'range', () =>
    new timelines.PanelBuilder()
      .interval('1m')
      .showValue(VisibilityMode.Never)
      .mergeValues(true)
      .fillOpacity(70)
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds)),
  )

/** A column of a table: its field, its heading and its format. */
export interface Column {
  readonly field: string
  readonly heading: string
  readonly unit?: string
  readonly decimals?: number
  readonly width?: number
  readonly properties?: readonly DynamicConfigValue[]
}

export interface TableSpec extends PanelSpec {
  readonly columns: readonly Column[]
  /** Transformations that run before the columns are chosen. */
  readonly transformations: readonly DataTransformerConfig[]
}

/** A table of current values, or of log lines, with the given columns in their order. */
export const table = (spec: TableSpec): PanelDefinition =>
  definePanel(spec, spec.queries[0]?.language === 'logql' ? 'lines' : 'table', () => {
    const { columns, transformations } = spec
    const panel = new tables.PanelBuilder().transformations([
      ...transformations,
      {
        id: 'organize',
        options: {
          excludeByName: {},
          includeByName: Object.fromEntries(columns.map(({ field }) => [field, true])),
          indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
          renameByName: Object.fromEntries(columns.map(({ field, heading }) => [field, heading])),
        },
      },
    ])
    for (const column of columns) panel.overrideByName(column.heading, propertiesOf(column))
    return panel
  })

function propertiesOf({ unit, decimals, width, properties = [] }: Column): DynamicConfigValue[] {
  return [
    // Without it each empty cell would show the text of an empty table.
    { id: 'noValue', value: '–' },
    ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
    ...properties,
  ]
}

/** Log lines as they were written. */
export const logLines = (spec: PanelSpec): PanelDefinition =>
  definePanel(spec, 'lines', () =>
    new logs.PanelBuilder().showTime(true).wrapLogMessage(true).enableLogDetails(true).sortOrder(LogsSortOrder.Descending),
  )
