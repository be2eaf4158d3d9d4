import type { Dashboard, FieldConfig, FieldConfigSource, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import type * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import type * as logs from '@grafana/grafana-foundation-sdk/logs'
import type * as loki from '@grafana/grafana-foundation-sdk/loki'
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import type * as stat from '@grafana/grafana-foundation-sdk/stat'
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import type * as table from '@grafana/grafana-foundation-sdk/table'
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

/** A type of the SDK's as it is in JSON: values rather than members of enumerations, and no functions. */
type Json<T> = 0 extends 1 & T
  ? unknown
  : T extends string
    ? `${T}`
    : T extends number
      ? `${T}` extends `${infer Value extends number}`
        ? Value
        : never
      : T extends readonly (infer Item)[]
        ? readonly Json<Item>[]
        : T extends object
          ? { [Key in keyof T as T[Key] extends () => void ? never : Key]: Json<T[Key]> }
          : T

interface Config<Custom> extends Omit<Json<FieldConfigSource>, 'defaults'> {
  readonly defaults: Omit<Json<FieldConfig>, 'custom'> & { readonly custom?: Json<Custom> }
}

interface PanelOf<Type, Options, Custom = never> extends Omit<Json<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  readonly type: Type
  readonly options: Json<Options>
  readonly fieldConfig: Config<Custom>
  readonly targets: readonly (Json<prometheus.Dataquery> | Json<loki.dataquery>)[]
}

/** A dashboard of the kinds of panels that we use: each with its own options. The SDK's types are made from Grafana's published schema. */
export interface DashboardJson extends Omit<Json<Dashboard>, 'panels'> {
  readonly panels: readonly (
    | Json<RowPanel>
    | PanelOf<'stat', stat.Options>
    | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
    | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>
    | PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
    | PanelOf<'table', table.Options, table.FieldConfig>
    | PanelOf<'logs', logs.Options>
  )[]
}
