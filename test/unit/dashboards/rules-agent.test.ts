import { agentAlerts } from '../../../dashboards/alerts/agent.ts'
import { select } from '../../../dashboards/names.ts'
import { between, changesAt, endedAt, steps, testAlerts } from './alert-cases.ts'
import { agentSeries as agent, agentOf, paris, quito, scrapeSeries, type Target, tokyo } from './simulated.ts'

const HOUR = 60
const up = (target: Target) => select('fibre_exporter_up', agentOf(target))
const scraped = (target: Target) => select('up', agentOf(target))
const start = (target: Target) => select('fibre_exporter_start_time_seconds', agentOf(target))
const errors = (target: Target) => select('fibre_exporter_errors_total', { ...agentOf(target), error_type: 'event_processing' })
const successes = (target: Target) => select('fibre_exporter_export_success_total', agentOf(target))
const failures = (target: Target) => select('fibre_exporter_export_failures_total', agentOf(target))
const rejectedPoints = (target: Target) => select('fibre_exporter_export_rejected_points_total', agentOf(target))
const webhookRefused = (target: Target) => select('fibre_exporter_webhook_refused_total', agentOf(target))
const logDropped = (target: Target, output: string) => select('fibre_exporter_log_lines_dropped_total', { ...agentOf(target), output })
const journalFailures = (target: Target) => select('fibre_exporter_journal_failures_total', agentOf(target))
const webhookPending = (target: Target) => select('fibre_exporter_webhook_pending', agentOf(target))
const clockError = (target: Target) => select('fibre_exporter_clock_error_seconds', agentOf(target))
const certificate = (target: Target) => select('fibre_exporter_tls_cert_not_after_seconds', agentOf(target))

testAlerts(agentAlerts, {
  FibreAgentDown: {
    'fires five minutes after a scraped agent is gone, for it alone': {
      series: { ...endedAt(agent(paris), HOUR, 'stale'), [scraped(paris)]: changesAt(HOUR, 1, 0), ...agent(tokyo), ...scrapeSeries(tokyo) },
      at: { 64: [], 65: ['critical 10.0.0.1:9435'], 1400: ['critical 10.0.0.1:9435'] },
    },
    'fires for an agent that was never reached, and for one of another job, but for no other target': {
      series: {
        [scraped(paris)]: () => 0,
        ...endedAt(agent({ ...tokyo, job: 'edge' }), HOUR, 'stale'),
        [scraped({ ...tokyo, job: 'edge' })]: changesAt(HOUR, 1, 0),
        [scraped({ ...quito, job: 'node' })]: () => 0,
      },
      at: { 70: ['critical 10.0.0.1:9435', 'critical 10.0.0.2:9435'] },
    },
    'fires for the dead one of three that push, long after its series have ended, and no more when it is back': {
      series: { ...agent(paris), ...between(agent(tokyo), HOUR, 20 * HOUR), ...agent(quito) },
      at: { 62: [], 68: ['critical 10.0.0.2:9435'], 240: ['critical 10.0.0.2:9435'], 1199: ['critical 10.0.0.2:9435'], 1201: [] },
    },
    'is silent when a target is taken out of the configuration': {
      series: endedAt({ ...agent(paris), ...scrapeSeries(paris) }, HOUR, 'stale'),
      at: { 70: [], 600: [] },
    },
    'is silent when an agent that pushes says that it stops': {
      series: endedAt({ ...agent(paris), [up(paris)]: changesAt(HOUR, 1, 0) }, HOUR + 1),
      at: { 70: [], 600: [] },
    },
  },
  FibreAgentStopped: {
    'fires half an hour after an agent that pushes has said that it stops, until it is back': {
      series: {
        ...agent(paris),
        [up(paris)]: (minute) => (minute < HOUR ? 1 : minute === HOUR ? 0 : minute < 700 ? undefined : 1),
      },
      at: { 89: [], 90: ['warning 10.0.0.1:9435'], 690: ['warning 10.0.0.1:9435'], 701: [] },
    },
    'is silent when it restarts': {
      series: { ...agent(paris), [up(paris)]: (minute) => (minute < HOUR || minute > 65 ? 1 : 0) },
      at: { 64: [], 95: [] },
    },
  },
  FibreNoAgent: {
    'fires where none has ever been seen': { series: {}, at: { 14: [], 15: ['warning nobody'] } },
    'is silent where one was seen yesterday': { series: endedAt(agent(paris), HOUR), at: { 1500: [] } },
  },
  FibreAgentRestarting: {
    'fires at the fourth start within an hour': {
      series: { ...agent(paris), [start(paris)]: steps(100, 110, 120, 130) },
      at: { 129: [], 130: ['warning 10.0.0.1:9435'], 170: [] },
    },
    'is silent at three': { series: { ...agent(paris), [start(paris)]: steps(100, 110, 120) }, at: { 120: [], 130: [] } },
  },
  FibreEventErrors: {
    'fires when one event could not be processed, for half an hour': {
      series: {
        ...agent(paris),
        [errors(paris)]: steps(60),
      },
      at: { 59: [], 60: ['warning 10.0.0.1:9435'], 95: [] },
    },
    'is silent after errors of long ago': {
      series: { ...agent(paris), [errors(paris)]: () => 5 },
      at: { 60: [] },
    },
  },
  FibrePushFailing: {
    'fires when no push arrives': {
      series: {
        ...agent(paris),
        [successes(paris)]: (minute) => Math.min(minute, 60) * 6,
        [failures(paris)]: (minute) => Math.max(0, minute - 60) * 6,
      },
      at: { 70: [], 82: ['warning 10.0.0.1:9435'] },
    },
    'is silent when some arrive, and where none is tried': {
      series: {
        ...agent(tokyo),
        ...agent(paris),
        [successes(paris)]: (minute) => minute * 3,
        [failures(paris)]: (minute) => minute * 3,
      },
      at: { 82: [] },
    },
  },
  FibreJournalFailing: {
    'fires when a record could not be written, for half an hour': {
      series: { ...agent(paris), [journalFailures(paris)]: changesAt(HOUR, 0, 1) },
      at: { 59: [], 61: ['warning 10.0.0.1:9435'], 89: ['warning 10.0.0.1:9435'], 92: [] },
    },
    'is silent when all are written': {
      series: { ...agent(paris), [journalFailures(paris)]: () => 0 },
      at: { 61: [] },
    },
  },
  FibreWebhookFailing: {
    'fires when slow blocks wait for a quarter of an hour': {
      series: { ...agent(paris), ...agent(tokyo), [webhookPending(paris)]: changesAt(HOUR, 0, 3), [webhookPending(tokyo)]: () => 0 },
      at: { 74: [], 75: ['warning 10.0.0.1:9435'] },
    },
    'is silent when they wait for a minute now and then': {
      series: { ...agent(paris), [webhookPending(paris)]: (minute) => Number(minute % 10 === 0) },
      at: { 61: [], 80: [] },
    },
  },
  FibrePushRejected: {
    'fires when points were rejected, for a quarter of an hour': {
      series: { ...agent(paris), ...agent(tokyo), [rejectedPoints(paris)]: changesAt(HOUR, 0, 40), [rejectedPoints(tokyo)]: () => 0 },
      at: { 59: [], 61: ['warning 10.0.0.1:9435'], 74: ['warning 10.0.0.1:9435'], 77: [] },
    },
    'is silent when all were taken': { series: { ...agent(paris), [rejectedPoints(paris)]: () => 0 }, at: { 61: [] } },
  },
  FibreWebhookRefused: {
    'fires when a slow block was refused for good, for half an hour': {
      series: { ...agent(paris), [webhookRefused(paris)]: changesAt(HOUR, 0, 1) },
      at: { 59: [], 61: ['warning 10.0.0.1:9435'], 89: ['warning 10.0.0.1:9435'], 92: [] },
    },
    'is silent when none was': { series: { ...agent(paris), [webhookRefused(paris)]: () => 0 }, at: { 61: [] } },
  },
  FibreLogDropping: {
    'fires once for both outputs, for half an hour': {
      series: { ...agent(paris), [logDropped(paris, 'file')]: changesAt(HOUR, 0, 5), [logDropped(paris, 'stdout')]: changesAt(HOUR, 0, 7) },
      at: { 59: [], 61: ['warning 10.0.0.1:9435'], 89: ['warning 10.0.0.1:9435'], 92: [] },
    },
    'is silent when all is taken': { series: { ...agent(paris), [logDropped(paris, 'file')]: () => 0 }, at: { 61: [] } },
  },
  FibreClockBad: {
    'fires for a clock that nobody sets': {
      series: { ...agent(paris), [clockError(paris)]: () => 16 },
      at: { 14: [], 15: ['info 10.0.0.1:9435'] },
    },
    'is silent between corrections half an hour apart': {
      series: {
        ...agent(paris),
        [clockError(paris)]: (minute) => 0.05 + 0.0005 * ((minute * 60) % 2048),
      },
      at: { 33: [], 67: [], 200: [] },
    },
  },
  FibreCertExpiring: {
    'fires two weeks before, and after': {
      series: { ...agent(paris), [certificate(paris)]: () => 14 * 86_400 + 6000 },
      at: { 100: [], 161: ['warning 10.0.0.1:9435'] },
    },
    'is silent at three weeks, and without a certificate': {
      series: {
        ...agent(paris),
        ...agent(tokyo),
        [certificate(tokyo)]: () => 21 * 86_400,
        [certificate(paris)]: () => undefined,
      },
      at: { 161: [] },
    },
  },
})
