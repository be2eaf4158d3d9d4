import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { type Scope, select } from './names.ts'
import { dataSources } from './panel.ts'

/** Windows to choose from. An hour has six blocks on average and sometimes none; rates need a day. */
export const windows = ['1h', '6h', '24h', '7d'] as const
export const DEFAULT_WINDOW = '24h' satisfies (typeof windows)[number]

/** The chosen agents, for metrics of the agent itself, which have no label `node`. */
export const agents: Scope = 'job=~"$job"'
/** The chosen nodes. */
export const nodes: Scope = `${agents}, node=~"$node"`
/** The chosen nodes over the chosen window. */
export const chosen = { scope: nodes, window: '$window' } as const

/** The chosen nodes together, in each step that Grafana draws. */
export const eachStep = { scope: nodes, window: '$__interval', by: [] } as const

/** The number of this kind of query in Grafana's editor for Prometheus variables. */
const LABEL_VALUES = 1

/** In the order in which they depend on each other. */
export const variables: readonly VariableModel[] = [
  new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus').build(),
  new DatasourceVariableBuilder('loki').label('Loki').type('loki').build(),
  everyValue('job', 'Job', `label_values(${select('fibre_exporter_up')}, job)`),
  // A counter exists from the first scrape, so a node without a block yet can be chosen too.
  everyValue('node', 'Node', `label_values(${select('fibre_blocks_reconstructed_total', {}, agents)}, node)`),
  new CustomVariableBuilder('window')
    .label('Window')
    .description('Window of rates, shares and quantiles. A block comes every ten minutes on average.')
    .values(windows.join(','))
    .current({ text: DEFAULT_WINDOW, value: DEFAULT_WINDOW, selected: true })
    .options(windows.map((window) => ({ text: window, value: window, selected: window === DEFAULT_WINDOW })))
    .build(),
]

/** A variable with the values of a label, of which one, several or all can be chosen. */
function everyValue(name: string, label: string, query: string): VariableModel {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSources.promql)
    .query({ qryType: LABEL_VALUES, query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: ['All'], value: ['$__all'], selected: true })
    .build()
}
