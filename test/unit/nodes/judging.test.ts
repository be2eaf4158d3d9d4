import { expect, it } from 'vitest'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import { blockConnected } from '../../../agent/tracepoints/block-connected.ts'
import { blockRaceTime } from '../../../agent/tracepoints/block-race-time.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { connected, timesAre } from '../blocks/events.ts'
import { idleSource } from '../metrics/page.ts'

it('judges a block only by the time until which events were taken in: its race may wait to be read', () => {
  const told: string[] = []
  let until = 0
  const probes = [blockConnected, blockRaceTime].map(({ probe }) => ({ probe, offered: true, attached: true }))
  const source = {
    ...idleSource,
    now: () => 100e9,
    backlogSeconds: () => (100e9 - until) / 1e9,
    attach: () => ({ probes, silentProbes: () => [], close: async () => {} }),
  }
  const nodes = new Nodes(source, [{ block: (milestone) => told.push(milestone) }], { log: captureLog().log })
  nodes.processStarted({ node: 'n', pid: 1, executable: '/usr/bin/bitcoind' })

  nodes.event(connected('raced', 10), blockConnected, [])
  until = 11e9
  nodes.tick()
  nodes.event(timesAre('raced', 2, 1, 10), blockRaceTime, [])
  nodes.event(connected('alone', 20), blockConnected, [])
  until = 26e9
  nodes.tick()
  expect(told).toEqual(['connected', 'timed', 'connected', 'closed', 'withoutRace', 'closed'])
})
