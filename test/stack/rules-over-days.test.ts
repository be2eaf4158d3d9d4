import { expect, it } from 'vitest'
import { objectiveMissed } from '../../dashboards/alerts/objective.ts'
import { alertsYaml } from '../../dashboards/alerts.ts'
import { testAlerts } from '../unit/dashboards/alert-cases.ts'
import { resultAt, type SeriesSet } from '../unit/dashboards/promtool-tests.ts'
import {
  agentSeries,
  blockSeries,
  healthyNode,
  longestGap,
  paris,
  quito,
  type SimulatedBlock,
  simulateBlocks,
  tokyo,
} from '../unit/dashboards/simulated.ts'

/** Rules take a millisecond each: minute by minute it would be minutes. */
const STEP = 5
const LAST = 3 * 24 * 60
const rules = alertsYaml()

/** Whatever fired within three days, by severity and name. */
async function firedWithin(series: SeriesSet) {
  const fired = await resultAt(
    rules,
    series,
    'count by (severity, alertname) (count_over_time(ALERTS{alertstate="firing"}[4d]))',
    LAST,
    STEP,
  )
  return [...fired.keys()]
}

it.each([1, 2, 3])('fires nothing on three healthy days, number %i: gaps of over an hour, slow blocks and all', async (seed) => {
  const blocks = simulateBlocks(seed, 3)
  // Two nodes see the same blocks; the second one's agent pushes.
  const series = { ...healthyNode(paris, blocks), ...agentSeries(tokyo), ...blockSeries(tokyo, blocks) }
  expect(await firedWithin(series)).toEqual([])
})

it('is shown gaps of over an hour in those days, and slow blocks', () => {
  const days = [1, 2, 3].map((seed) => simulateBlocks(seed, 3))
  expect(Math.max(...days.map(longestGap))).toBeGreaterThan(3600)
  for (const blocks of days)
    expect(blocks.filter(({ reconstructionSeconds = 0 }) => reconstructionSeconds > 0.3).length).toBeGreaterThan(10)
})

it('fires nothing but that there is no block on a node that has seen none: what does not exist yet is no fault and no number', async () => {
  expect(await firedWithin(healthyNode(quito, []))).toEqual([
    '{alertname="FibreNoBlock", severity="critical"}',
    '{alertname="FibreNoBlock", severity="warning"}',
  ])
})

it('records what is known, and no NaN where nothing is', async () => {
  const series = { ...healthyNode(paris, simulateBlocks(1, 3)), ...healthyNode(tokyo, []) }
  const recorded = await resultAt(rules, series, '{__name__=~"job_node:.+"}', LAST, STEP)
  expect([...recorded.values()].every((value) => value > 0 && value <= 1)).toBe(true)
  expect([...recorded.keys()].filter((labels) => !labels.includes('node="paris"'))).toEqual([])
  expect(recorded.size).toBeGreaterThan(0)
})

const DAY = 24 * 60

/** Six days on which some blocks are slow. */
const slow = (isSlow: (block: SimulatedBlock, index: number) => boolean) =>
  simulateBlocks(1, 6).map((block, index) => ({ ...block, reconstructionSeconds: isSlow(block, index) ? 0.3 : 0.01 }))

testAlerts(
  [objectiveMissed],
  {
    FibreObjectiveMissed: {
      'fires when one block in seven has been slow for days': {
        series: healthyNode(
          paris,
          slow((_, index) => index % 7 === 0),
        ),
        at: { [DAY]: [], [6 * DAY]: ['warning paris'] },
      },
      'is silent when that is over, and at one block in twenty': {
        series: {
          ...healthyNode(
            paris,
            slow(({ at }, index) => index % 5 === 0 && at < 4 * 86_400),
          ),
          ...healthyNode(
            tokyo,
            slow((_, index) => index % 20 === 0),
          ),
        },
        at: { [6 * DAY]: [] },
      },
    },
  },
  30,
)
