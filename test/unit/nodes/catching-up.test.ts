import { expect, it } from 'vitest'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import { blockConnected } from '../../../agent/tracepoints/block-connected.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { connected } from '../blocks/events.ts'
import { idleSource } from '../metrics/page.ts'

it('logs one line when a node begins to catch up and one when it has, with count and rate; the snapshot tells meanwhile', () => {
  const { log, lines } = captureLog()
  let now = 0
  const probes = [{ probe: blockConnected.probe, offered: true, attached: true }]
  const source = { ...idleSource, now: () => now, attach: () => ({ probes, silentProbes: () => [], close: async () => {} }) }
  const nodes = new Nodes(source, [], { log })
  nodes.processStarted({ node: 'n', pid: 1, executable: '/usr/bin/bitcoind' })
  const isCatchingUp = () => nodes.snapshot()[0]?.isCatchingUp
  expect(isCatchingUp()).toBe(false)
  lines.length = 0

  for (let index = 0; index <= 500; index++) nodes.event(connected(`hash ${index}`, 10 + index / 100), blockConnected, [])
  now = 16e9
  nodes.tick()
  expect(isCatchingUp()).toBe(true)
  now = 80e9
  nodes.tick()
  nodes.tick()
  expect(isCatchingUp()).toBe(false)
  expect(lines.map(({ msg, node, blocks, seconds, blocks_per_second }) => ({ msg, node, blocks, seconds, blocks_per_second }))).toEqual([
    { msg: 'catching up: blocks that the node missed are counted, and otherwise not measured', node: 'n' },
    { msg: 'caught up', node: 'n', blocks: 501, seconds: 5, blocks_per_second: 100 },
  ])
})
