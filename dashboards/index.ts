import { dashboardOf, type Page } from './dashboard.ts'
import { agentPage } from './pages/agent.ts'
import { chunksPage } from './pages/chunks.ts'
import { fleetPage } from './pages/fleet.ts'
import { logsPage } from './pages/logs.ts'
import { overview } from './pages/overview.ts'
import { publicDashboard, publicPage } from './pages/public.ts'
import { racesPage } from './pages/races.ts'
import { reconstructionPage } from './pages/reconstruction.ts'

/** The dashboards that Grafana is provisioned with. */
export const pages: readonly Page[] = [overview, racesPage, reconstructionPage, chunksPage, logsPage, agentPage, fleetPage]

const json = (content: object) => `${JSON.stringify(content, null, 2)}\n`

/** Every dashboard as a file, by its path in this folder. */
export const dashboardFiles: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(pages.map((page) => [`json/${page.uid}.json`, () => json(dashboardOf(page))])),
  // Not provisioned: its data source is chosen when it is imported.
  [`import/${publicPage.uid}.json`]: () => json(publicDashboard()),
}
