import { agentAlerts } from './alerts/agent.ts'
import { blockAlerts } from './alerts/blocks.ts'
import { nodeAlerts } from './alerts/node.ts'
import { objectiveMissed } from './alerts/objective.ts'
import { recordings } from './recording.ts'
import { type Alert, rulesYaml } from './rule.ts'

/** Every alert of Prometheus. */
export const alerts: readonly Alert[] = [...agentAlerts, ...nodeAlerts, ...blockAlerts, objectiveMissed]

/** The rules for Prometheus, as a file. */
export const alertsYaml = (): string =>
  rulesYaml([
    { name: 'fibre-agent', interval: '1m', rules: agentAlerts },
    { name: 'fibre-node', interval: '1m', rules: nodeAlerts },
    { name: 'fibre-blocks', interval: '1m', rules: blockAlerts },
    // These look back a day and a week.
    { name: 'fibre-long', interval: '5m', rules: [...recordings, objectiveMissed] },
  ])
