import { TextBoxVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import type { DashboardDefinition } from '../dashboard.ts'
import { colours, logql, type PanelDefinition } from '../panel.ts'
import { bars, lines, logLines, stat } from '../visualizations.ts'

const bitcoind = '{job="bitcoin", node=~"$node"}'
const agent = '{job="fibre-agent", node=~"$node"}'

/** Messages that bitcoind writes when something in FIBRE fails. */
const trouble = `${bitcoind} |= "UDP:" |~ "(?i)failed|invalid|disconnect|timed out|unable"`
const warnings = (stream: string) => `${stream} | level=~"warn|warning|error|fatal"`
const races = `${bitcoind} | winner!=""`
/** Round trips that bitcoind measures to each UDP peer, in ms. */
const roundTrips = `${bitcoind} |= "UDP: RTT to" | regexp "RTT to (?P<peer>\\\\S+) is (?P<rtt>[0-9.]+) ms" | unwrap rtt | __error__=""`

const count = (query: string, window: string, by = 'node') => `sum by (${by}) (count_over_time(${query} [${window}]))`

const noLogs = 'the Collector does not send this log to Loki'

export const logsDashboard: DashboardDefinition = {
  uid: 'fibre-logs',
  title: 'FIBRE logs',
  purpose: 'What do bitcoind and the agent log, and what goes wrong?',
  variables: [new TextBoxVariableBuilder('search').label('Search').description('A regular expression that lines must match.').build()],
  rows: [
    { title: 'Trouble', panels: countPanels() },
    { title: 'Over time', panels: overTimePanels() },
    { title: 'Lines', panels: linePanels() },
  ],
}

function countPanels(): readonly PanelDefinition[] {
  const counted = (title: string, question: string, query: string) =>
    stat({
      title: `${title}, $window`,
      question,
      noData: `that there were none, or that ${noLogs}`,
      empty: 'none',
      unit: 'none',
      decimals: 0,
      queries: [logql('{{node}}', count(query, '$window'))],
      width: 6,
    })
  return [
    counted('FIBRE trouble', 'How often did bitcoind log that something in FIBRE failed?', trouble),
    counted("bitcoind's warnings and errors", 'How often did bitcoind warn?', warnings(bitcoind)),
    counted("The agent's warnings and errors", 'How often did the agent warn?', warnings(agent)),
    counted('UDP peers that timed out', 'How often did a UDP peer fall silent?', `${bitcoind} |~ "UDP: Peer .* timed out"`),
  ]
}

function overTimePanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: "Lines of bitcoind's log by level",
      question: 'How much does bitcoind log, and how much of it is a warning?',
      noData: `that ${noLogs}`,
      empty: 'no lines of bitcoind',
      unit: 'short',
      step: '10m',
      series: { error: colours.bad, warning: colours.low, info: colours.fibre, debug: colours.other },
      queries: [logql('{{level}}', count(bitcoind, '$__interval', 'level'))],
      width: 12,
    }),
    bars({
      title: 'FIBRE trouble',
      question: 'When did something in FIBRE fail?',
      noData: `that nothing did, or that ${noLogs}`,
      empty: 'nothing failed',
      unit: 'short',
      step: '10m',
      queries: [logql('{{node}}', count(trouble, '$__interval'))],
      width: 12,
    }),
    lines({
      title: 'Round trip to UDP peers',
      question: 'How far away are the peers, as bitcoind measures it?',
      reading: 'A step up is a new route; a line that ends is a peer that left.',
      noData: `that there is no UDP peer, or that ${noLogs}`,
      empty: 'no round trip was measured',
      unit: 'ms',
      step: '10m',
      min: 0,
      queries: [logql('{{node}} → {{peer}}', `avg_over_time(${roundTrips} [$__interval]) by (node, peer)`)],
      width: 12,
    }),
    bars({
      title: 'UDP connections',
      question: 'When did UDP peers come and go?',
      noData: `that none did, that bitcoind runs without debug=udpnet, or that ${noLogs}`,
      empty: 'none came or went',
      unit: 'short',
      step: '10m',
      series: { connected: colours.good, 'timed out': colours.bad, 'disconnected by peer': colours.low },
      queries: [
        logql('connected', `sum(count_over_time(${bitcoind} |= "UDP: Successfully connected to" [$__interval]))`),
        logql('timed out', `sum(count_over_time(${bitcoind} |~ "UDP: Peer .* timed out" [$__interval]))`),
        logql('disconnected by peer', `sum(count_over_time(${bitcoind} |= "UDP: Got disconnect message from" [$__interval]))`),
      ],
      width: 12,
    }),
  ]
}

function linePanels(): readonly PanelDefinition[] {
  const shown = (title: string, question: string, query: string, noData: string, height: number) =>
    logLines({
      title,
      question,
      reading: 'Only lines that match the search.',
      noData,
      empty: 'no such line in this time',
      queries: [logql('', `${query} |~ "(?i)$search"`)],
      width: 24,
      height,
    })
  return [
    shown('FIBRE trouble', 'What did bitcoind log about failures in FIBRE?', trouble, `that nothing failed, or that ${noLogs}`, 8),
    shown(
      "Races in bitcoind's log",
      'What did bitcoind log about each race?',
      races,
      `that there was no race, that bitcoind runs without debug=bench, or that ${noLogs}`,
      8,
    ),
    shown("The agent's log", 'What did the agent log?', agent, `that ${noLogs}`, 8),
    shown("bitcoind's log", 'What did bitcoind log?', bitcoind, `that ${noLogs}`, 12),
  ]
}
