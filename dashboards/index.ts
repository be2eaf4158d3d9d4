import { type DashboardDefinition, dashboardOf } from './dashboard.ts'
import { agentDashboard } from './definitions/agent.ts'
import { chunksDashboard } from './definitions/chunks.ts'
import { fleetDashboard } from './definitions/fleet.ts'
import { logsDashboard } from './definitions/logs.ts'
import { nodesOverview } from './definitions/nodes.ts'
import { overview } from './definitions/overview.ts'
import { publicDashboard, publicOverview } from './definitions/public.ts'
import { racesDashboard } from './definitions/races.ts'
import { reconstructionDashboard } from './definitions/reconstruction.ts'
import { relayDashboard } from './definitions/relay.ts'
import { trafficDashboard } from './definitions/traffic.ts'

/** The dashboards that Grafana is provisioned with. */
export const dashboards: readonly DashboardDefinition[] = [
  overview,
  nodesOverview,
  relayDashboard,
  trafficDashboard,
  racesDashboard,
  reconstructionDashboard,
  chunksDashboard,
  logsDashboard,
  agentDashboard,
  fleetDashboard,
]

const json = (content: object) => `${JSON.stringify(content, null, 2)}\n`

/** Every dashboard as a file, by its path in this folder. */
export const dashboardFiles: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(dashboards.map((definition) => [`json/${definition.uid}.json`, () => json(dashboardOf(definition))])),
  // Not provisioned: its data source is chosen when it is imported.
  [`import/${publicOverview.uid}.json`]: () => json(publicDashboard()),
}
