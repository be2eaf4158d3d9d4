import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { bareDashboardOf, type DashboardDefinition } from '../dashboard.ts'
import { dataSources } from '../panel.ts'
import { DEFAULT_WINDOW } from '../variables.ts'
import { overviewRows } from './overview.ts'

/**
 * The overview for the public: no peers, no addresses, no logs. Externally shared dashboards can have no variables
 * (grafana/grafana#67346), not even for the data source, so nodes and window are fixed.
 */
export const publicOverview: DashboardDefinition = {
  uid: 'fibre-relay-public',
  title: 'FIBRE relay',
  purpose: 'Is FIBRE helping, and how much?',
  rows: overviewRows({ window: DEFAULT_WINDOW, by: ['node'] }),
}

const INPUT = 'DS_PROMETHEUS'

/** A dashboard in Grafana's export format: whoever imports it chooses the data source. */
export interface ImportedDashboard extends Dashboard {
  readonly __inputs: readonly { readonly name: string; readonly type: 'datasource'; readonly pluginId: string; readonly label: string }[]
}

export function publicDashboard(): ImportedDashboard {
  const dashboard = JSON.stringify(bareDashboardOf(publicOverview).readonly().build())
  const { type, uid } = dataSources.promql
  return {
    __inputs: [{ name: INPUT, type: 'datasource', pluginId: type, label: 'Prometheus' }],
    ...JSON.parse(dashboard.replaceAll(`"${uid}"`, `"\${${INPUT}}"`)),
  }
}
