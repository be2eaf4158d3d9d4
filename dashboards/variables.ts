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

/** Windows to choose from. An hour holds six blocks on average and now and then none: a day is what tells something of rates. */
export const windows = ['1h', '6h', '24h', '7d'] as const
export const DEFAULT_WINDOW = '24h' satisfies (typeof windows)[number]

/** The agents that were chosen: what they say of themselves has no node. */
export const agents: Scope = 'job=~"$job"'
/** The nodes that were chosen. */
export const nodes: Scope = `${agents}, node=~"$node"`
/** What was chosen, over the window that was chosen. */
export const chosen = { scope: nodes, window: '$window' } as const

/** The same in each step of time that Grafana draws, all nodes together. */
export const eachStep = { scope: nodes, window: '$__interval', by: [] } as const

/** How Grafana's editor of Prometheus variables numbers that kind of query. */
const LABEL_VALUES = 1

/** In the order in which they depend on each other. */
export const variables: readonly VariableModel[] = [
  new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus').build(),
  new DatasourceVariableBuilder('loki').label('Loki').type('loki').build(),
  everyValue('job', 'Job', `label_values(${select('fibre_exporter_up')}, job)`),
  // A counter, which is there from the first scrape: a node that has seen no block yet can be chosen too.
  everyValue('node', 'Node', `label_values(${select('fibre_blocks_reconstructed_total', {}, agents)}, node)`),
  new CustomVariableBuilder('window')
    .label('Window')
    .description('How far back rates, shares and quantiles look. A block comes every ten minutes on average.')
    .values(windows.join(','))
    .current({ text: DEFAULT_WINDOW, value: DEFAULT_WINDOW, selected: true })
    .options(windows.map((window) => ({ text: window, value: window, selected: window === DEFAULT_WINDOW })))
    .build(),
]

/** A label's values, of which several can be chosen, or all. */
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
