import { badFrom } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import { connectionTime } from '../expressions.ts'
import { type PanelDefinition, promql } from '../panel.ts'
import { relayTable } from '../record-tables.ts'
import * as thresholds from '../thresholds.ts'
import { agents, chosen } from '../variables.ts'
import { stat } from '../visualizations.ts'
import { firingAlertsPanel, statePanels } from './overview.ts'
import { announcedToConnectedStat, pathPanels, withoutRoundTripStat } from './relay.ts'

/** The start for those whose nodes have no FIBRE: nothing here is told by FIBRE alone. */
export const nodesOverview: DashboardDefinition = {
  uid: 'fibre-nodes',
  title: 'Node overview',
  purpose: 'Does each node, with FIBRE or without, keep up, how quickly do blocks reach it, and is it still being measured?',
  rows: [
    {
      title: 'Does each node keep up, and is it being measured?',
      panels: [
        ...statePanels({ ...chosen, among: agents }, 6),
        withoutRoundTripStat(8),
        announcedToConnectedStat(8),
        connectingStat(),
        firingAlertsPanel(),
      ],
    },
    { title: 'How blocks came', panels: pathPanels() },
    { title: 'Blocks', panels: [relayTable(10)] },
  ],
}

function connectingStat(): PanelDefinition {
  const { quantile, slowSeconds } = thresholds.connection
  return stat({
    title: 'Connecting, p90, $window',
    question: 'Within what time were nine of ten blocks connected to the chain?',
    noData: 'that no block was connected in this window',
    empty: 'no block in this window',
    unit: 's',
    steps: badFrom(slowSeconds),
    queries: [promql('{{node}}', connectionTime(quantile, chosen))],
    width: 8,
  })
}
