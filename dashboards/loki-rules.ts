import { mostBlocksIn } from './alerts/windows.ts'
import { type Alert, rulesYaml } from './rule.ts'
import { logs } from './thresholds.ts'

const { silence, races, undecoded, disconnects, secondsLongBlock, dropped, faults } = logs

/** The streams of debug.log, of the agent's log and of its journal. */
const debugLog = '{job="bitcoin"}'
const agentLog = '{job="fibre-agent"}'
const blockRecords = '{job="fibre-blocks"}'

const lines = (query: string, window: string, by = 'node') => `sum by (${by}) (count_over_time(${query} [${window}]))`

/** Reads the number of bytes that bitcoind dropped from its own message. */
const droppedBytes = 'regexp "(?P<bytes>[0-9]+) bytes were dropped" | unwrap bytes | __error__=""'

/** Alerts on facts that no metric has. */
export const lokiAlerts: readonly Alert[] = [
  {
    alert: 'FibreLogsMissing',
    // By node: `absent_over_time` does not notice one node missing among several.
    expr: `${lines(debugLog, silence.before)} unless ${lines(debugLog, silence.window)}`,
    for: '10m',
    severity: 'warning',
    summary: 'debug.log of {{ $labels.node }} no longer comes',
    description: `Not one line of debug.log of {{ $labels.node }} came for ${silence.window}. Before there were {{ $value }} in ${silence.before}.`,
  },
  {
    alert: 'FibreNoLogs',
    expr: `absent_over_time(${debugLog}[${silence.window}])`,
    for: '10m',
    severity: 'warning',
    summary: 'No debug.log comes',
    description: `Not one line of any node's debug.log came for ${silence.window}.`,
  },
  {
    alert: 'FibreRaceLinesMissing',
    expr: [
      `${lines(`${debugLog} |= "UpdateTip: new best="`, races.window)} >= ${races.blocks} <= ${mostBlocksIn(races.window)}`,
      `unless ${lines(`${debugLog} | winner != ""`, races.window)}`,
      // The journal tells of races: a node without FIBRE has none.
      `and ${lines(`${blockRecords} | winner != ""`, races.window)}`,
    ].join('\n'),
    for: '1h',
    severity: 'info',
    summary: 'debug.log of {{ $labels.node }} has no race lines',
    description: `{{ $labels.node }} logged {{ $value }} new blocks in ${races.window}, and no race, although its tracepoints tell of races. They are written under debug=bench only.`,
  },
  {
    alert: 'FibreDecodeFailing',
    expr: `${lines(`${debugLog} |= "UDP: Failed to decode block"`, undecoded.window)} >= ${undecoded.blocks}`,
    severity: 'warning',
    summary: '{{ $labels.node }} cannot decode blocks that came through FIBRE',
    description: `{{ $labels.node }} failed to decode {{ $value }} blocks in ${undecoded.window}, though their chunks were there.`,
  },
  {
    alert: 'FibrePeersUnstable',
    expr: `${lines(`${debugLog} |~ "UDP: (Got disconnect message from|Peer .+ timed out)"`, disconnects.window)} >= ${disconnects.count}`,
    severity: 'warning',
    summary: 'FIBRE peers of {{ $labels.node }} come and go',
    description: `{{ $labels.node }} lost FIBRE peers {{ $value }} times in ${disconnects.window}.`,
  },
  {
    alert: 'FibreLogSuppressed',
    expr: `${lines(`${debugLog} |= "Excessive logging detected from" | level = "warning"`, dropped.window)} > 0`,
    severity: 'warning',
    summary: 'bitcoind of {{ $labels.node }} drops log lines',
    description: `bitcoind of {{ $labels.node }} writes so much that it no longer logs what some places in its source write ({{ $value }}), for an hour.`,
  },
  {
    alert: 'FibreLogDropped',
    expr: `sum by (node) (sum_over_time(${debugLog} |= "Restarting logging from" | level = "warning" | ${droppedBytes} [${dropped.window}])) > 0`,
    severity: 'warning',
    summary: 'debug.log of {{ $labels.node }} has a gap',
    description: `bitcoind of {{ $labels.node }} dropped {{ $value }} bytes of its log: what it wrote there in the last hours is not whole.`,
  },
  {
    alert: 'FibreBlockTookSecondsByLog',
    expr: `${lines(`${blockRecords} | reconstruction_ms > ${secondsLongBlock.milliseconds}`, secondsLongBlock.window, 'node, height, block_hash, reconstruction_peer')} > 0`,
    severity: 'info',
    summary: '{{ $labels.node }} took long to reconstruct block {{ $labels.height }}',
    description: `{{ $labels.node }} took more than ${secondsLongBlock.milliseconds} ms to reconstruct block {{ $labels.height }} ({{ $labels.block_hash }}) from the chunks of {{ $labels.reconstruction_peer }}.`,
  },
  {
    alert: 'FibreAgentFault',
    expr: `${lines(`${agentLog} | level = "error"`, faults.window, 'node, msg')} > 0`,
    severity: 'warning',
    summary: 'The agent at {{ $labels.node }} reports a fault',
    description: 'The agent at {{ $labels.node }} logged: {{ $labels.msg }} ({{ $value }} times).',
  },
  {
    alert: 'FibreNodeFault',
    expr: `${lines(`${debugLog} | level = "error"`, faults.window)} > 0`,
    severity: 'warning',
    summary: 'bitcoind of {{ $labels.node }} reports errors',
    description: `bitcoind of {{ $labels.node }} logged {{ $value }} errors in ${faults.window}.`,
  },
]

/** The rules for Loki's ruler, as a file. */
export const lokiRulesYaml = (): string => rulesYaml([{ name: 'fibre-logs', interval: '5m', rules: lokiAlerts }])
