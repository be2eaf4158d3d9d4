import { tracepoints } from '../../../agent/tracepoints/index.ts'
import { nodeAlerts } from '../../../dashboards/alerts/node.ts'
import { select } from '../../../dashboards/names.ts'
import { changesAt, endedAt, steps, testAlerts } from './alert-cases.ts'
import { agentSeries as agent, block, blocksAt, healthyNode, paris, probeSeries, quito, type Target, tokyo } from './simulated.ts'

const HOUR = 60
const up = (target: Target) => select('fibre_exporter_target_up', target)
const restarts = (target: Target) => select('fibre_exporter_target_restarts_total', target)
const lost = (target: Target) => select('fibre_exporter_events_lost_total', { ...target, event_type: 'race_time' })
const unread = (target: Target) => select('fibre_exporter_field_errors_total', { ...target, event_type: 'race_time', field: 'udpPeer' })

const fibreProbes = (target: Target) =>
  Object.fromEntries(tracepoints.filter(({ group }) => group === 'fibre').map(({ probe }) => [probeSeries(target, probe), () => 1]))

testAlerts(nodeAlerts, {
  FibreNodeDown: {
    'fires ten minutes after bitcoind is gone': {
      series: { ...agent(paris), ...agent(tokyo), [up(paris)]: changesAt(HOUR, 1, 0) },
      at: { 69: [], 70: ['critical paris'] },
    },
    'is silent while it restarts': {
      series: { ...agent(paris), [up(paris)]: (minute) => Number(minute < HOUR || minute >= 68) },
      at: { 67: [], 75: [] },
    },
  },
  FibreTargetFlapping: {
    'fires at the fourth restart within an hour': {
      series: { ...agent(paris), [restarts(paris)]: steps(100, 110, 120, 130) },
      at: { 129: [], 130: ['warning paris'], 175: [] },
    },
    'is silent at three, in an agent that was just started': {
      series: { ...agent(paris), [restarts(paris)]: steps(3, 6, 9) },
      at: { 9: [], 12: [], 60: [] },
    },
  },
  FibreProbesMissing: {
    'fires for tracepoints that are not attached': {
      series: { ...agent(paris), ...agent(tokyo), [probeSeries(paris, 'udp:block_race_time')]: changesAt(HOUR, 1, 0) },
      at: { 69: [], 70: ['warning paris'] },
    },
    'is silent when there is no bitcoind to attach to': {
      series: {
        ...agent(paris, { attached: 0 }),
        [up(paris)]: () => 0,
      },
      at: { 70: [] },
    },
  },
  FibreTracepointsLost: {
    'fires for a node that had FIBRE and is a stock node since an update': {
      series: { ...agent(paris), ...agent(tokyo), ...endedAt(fibreProbes(paris), HOUR) },
      at: { 60: [], 74: [], 75: ['warning paris'], 600: ['warning paris'] },
      step: 5,
    },
    'is silent for one that never had it, for one that is down, and a day later': {
      series: {
        ...agent(paris),
        ...endedAt(fibreProbes(paris), 0),
        ...agent(tokyo),
        ...endedAt(fibreProbes(tokyo), HOUR),
        [up(tokyo)]: changesAt(HOUR, 1, 0),
        ...agent(quito),
        ...endedAt(fibreProbes(quito), 5),
      },
      at: { 1500: [] },
      step: 5,
    },
  },
  FibreEventsLost: {
    'fires when one event was lost': {
      series: { ...agent(paris), [lost(paris)]: steps(60) },
      at: { 59: [], 60: ['warning paris'], 95: [] },
    },
    'is silent when the agent was restarted after losses': {
      series: {
        ...agent(paris),
        [lost(paris)]: changesAt(HOUR, 7, 0),
      },
      at: { 60: [], 70: [] },
    },
  },
  FibreFieldsUnreadable: {
    'fires for one field that could not be read': {
      series: { ...agent(paris), [unread(paris)]: steps(60) },
      at: { 59: [], 60: ['warning paris'], 95: [] },
    },
    'is silent after errors of long ago': { series: { ...agent(paris), [unread(paris)]: () => 5 }, at: { 60: [] } },
  },
  FibreNoBlock: {
    'warns at 90 min and is critical at 2 h, ten minutes later each': {
      series: healthyNode(paris, [block({ at: 3600 })]),
      at: { 159: [], 161: ['warning paris'], 189: ['warning paris'], 191: ['critical paris', 'warning paris'] },
    },
    'fires where no block was seen since the agent was started': {
      series: healthyNode(paris, []),
      at: { 100: [], 101: ['warning paris'], 131: ['critical paris', 'warning paris'] },
    },
    'is silent in a gap of an hour, as there is one every other day': {
      series: healthyNode(paris, [block({ at: 60 }), block({ at: 3700 })]),
      at: { 61: [], 65: [] },
    },
    'is silent while a node is off, and when it comes back': {
      series: {
        ...healthyNode(paris, [block({ at: 60 }), block({ at: 306 * 60 })]),
        [up(paris)]: (minute) => Number(minute < 10 || minute >= 300),
      },
      at: { 150: [], 299: [], 305: [], 312: [] },
    },
  },
  FibreNodeBehind: {
    'fires for the node that stays two blocks behind': {
      series: {
        ...healthyNode(paris, blocksAt(20, 80, 120)),
        ...healthyNode(tokyo, blocksAt(20)),
        ...healthyNode(quito, blocksAt(20, 80, 120)),
      },
      at: { 129: [], 130: ['warning tokyo'], 240: ['warning tokyo'] },
    },
    'is silent for one behind, for one that is off, for one that is catching up, and for another network in a job of its own': {
      series: {
        ...healthyNode(paris, blocksAt(20, 80, 120)),
        ...healthyNode(tokyo, blocksAt(20, 80)),
        ...healthyNode(
          quito,
          blocksAt(...Array.from({ length: 60 }, (_, index) => 125 + index / 4)).map((one) => ({ ...one, height: one.height - 800_000 })),
        ),
        [up(quito)]: changesAt(124, 0, 1),
        ...healthyNode({ ...paris, job: 'signet' }, [block({ at: 60, height: 200_000 })]),
        ...healthyNode({ ...paris, node: 'oslo' }, blocksAt(20)),
        [up({ ...paris, node: 'oslo' })]: changesAt(70, 1, 0),
      },
      at: { 140: [], 180: [] },
    },
  },
})
