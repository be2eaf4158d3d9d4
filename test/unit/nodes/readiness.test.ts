import { expect, it } from 'vitest'
import { Node } from '../../../agent/nodes/node.ts'
import { type ProcessFault, readinessOf } from '../../../agent/nodes/readiness.ts'
import type { Tracepoint } from '../../../agent/tracepoints/define.ts'
import { requiredProbes, tracepoints } from '../../../agent/tracepoints/index.ts'

const ABSENT = 'this build of bitcoind does not have it'

interface Attached {
  /** Not attached although the binary has it. */
  readonly refused?: string
  /** Not in the binary. */
  readonly absent?: string
  /** Attached with a semaphore of 0. */
  readonly silent?: string
  /** Seconds that a thread has been waiting in the first tracepoint. */
  readonly held?: number
}

const target = (node: string) => ({
  node,
  pid: 1,
  parent: 0,
  startTicks: 1,
  executable: '/usr/local/bin/bitcoind',
  identity: '1:1',
  dataDirectory: '/',
  chainDirectory: '/',
  uid: 0,
})

/** A node with a process, all of whose tracepoints are attached but for these. */
function runningNode(name: string, { refused, absent, silent, held }: Attached = {}): Node {
  const node = new Node(name, () => {})
  node.processStarted(target(name))
  node.attached({
    probes: tracepoints.map(({ probe }) => {
      if (probe === absent) return { probe, offered: false, attached: false, reason: ABSENT }
      return { probe, offered: true, attached: probe !== refused, ...(probe === refused && { reason: 'no nop instruction' }) }
    }),
    silentProbes: () => (silent === undefined ? [] : [silent]),
    heldProbes: () => (held === undefined ? [] : [{ probe: 'udp:block_send_start', seconds: held }]),
    close: async () => {},
  })
  return node
}

/** A running node with these tracepoints alone. */
function nodeThatOffers(isOffered: (tracepoint: Tracepoint) => boolean): Node {
  const node = new Node('a', () => {})
  node.processStarted(target('a'))
  node.attached({
    probes: tracepoints.map((one) => {
      const offered = isOffered(one)
      return { probe: one.probe, offered, attached: offered, ...(!offered && { reason: ABSENT }) }
    }),
    silentProbes: () => [],
    close: async () => {},
  })
  return node
}

function endedNode(name: string): Node {
  const node = runningNode(name)
  node.processExited(0)
  return node
}

function readiness(nodes: readonly Node[], backlogSeconds: number, processFaults: readonly ProcessFault[]) {
  const silentProbes = (name: string) => nodes.find((node) => node.name === name)?.attachment?.silentProbes() ?? []
  const heldProbes = (name: string) => nodes.find((node) => node.name === name)?.attachment?.heldProbes?.() ?? []
  return readinessOf({ nodes: nodes.map((node) => node.snapshot()), backlogSeconds, processFaults, silentProbes, heldProbes })
}

const ready = { ready: true, reasons: [] }
const because = (...reasons: readonly string[]) => ({ ready: false, reasons })

it('is given when everything is attached, whether anything happens or not', () => {
  expect(readiness([runningNode('a'), runningNode('b')], 0, [])).toEqual(ready)
})

it('is not given before a bitcoind runs', () => {
  const waiting = because('no bitcoind is running; waiting for one')
  expect(readiness([], 0, [])).toEqual(waiting)
  expect(readiness([new Node('a', () => {})], 0, [])).toEqual(waiting)
  expect(readiness([endedNode('a')], 0, [])).toEqual(waiting)
})

it('is not given while a node that is known is down', () => {
  expect(readiness([runningNode('a'), new Node('b', () => {})], 0, [])).toEqual(because('b: bitcoind is not running'))
  expect(readiness([runningNode('a'), endedNode('b')], 0, [])).toEqual(because('b: bitcoind is not running'))
})

it('says what was found in the place of "not running"', () => {
  const unreadable = { pid: 7, text: 'cannot read /proc/7/exe (EACCES)' }
  expect(readiness([new Node('a', () => {})], 0, [unreadable])).toEqual(because(unreadable.text))
  expect(readiness([endedNode('a')], 0, [unreadable])).toEqual(because('a: bitcoind is not running', unreadable.text))
  expect(readiness([runningNode('a')], 0, [unreadable])).toEqual(because(unreadable.text))
})

it('gives the reason of a named node beside its name', () => {
  const missing = { node: 'b', text: '/opt/bitcoind does not exist' }
  const nodes = [runningNode('a'), new Node('b', () => {})]
  expect(readiness(nodes, 0, [missing])).toEqual(because('b: /opt/bitcoind does not exist'))
  expect(readiness(nodes.slice(1), 0, [missing])).toEqual(because('b: /opt/bitcoind does not exist'))
})

it.each([...requiredProbes])('is not given without %s, which every FIBRE node has', (probe) => {
  expect(readiness([runningNode('a', { absent: probe })], 0, [])).toEqual(because(`a: ${probe} is not attached: ${ABSENT}`))
})

it('is given of a stock node, which has none of the tracepoints of FIBRE, but not without those of Bitcoin Core', () => {
  const isStock = ({ group }: Tracepoint) => group !== 'fibre'
  const stock = nodeThatOffers(isStock)
  expect(stock.snapshot()).toMatchObject({ hasFibre: false, hasLostFibre: false })
  expect(stock.snapshot().probes.map(({ probe }) => probe)).toEqual(tracepoints.filter(isStock).map(({ probe }) => probe))
  expect(readiness([stock], 0, [])).toEqual(ready)
  const lacking = nodeThatOffers(({ group }) => group === 'net')
  expect(readiness([lacking], 0, [])).toEqual(because(`a: validation:block_connected is not attached: ${ABSENT}`))
})

it('is not given of a node with one tracepoint of FIBRE and without the others', () => {
  const { reasons } = readiness([nodeThatOffers(({ group, probe }) => group !== 'fibre' || probe === 'udp:block_coinbase')], 0, [])
  expect(reasons).toHaveLength(requiredProbes.size - 1)
})

it('is not given of a bitcoind without any tracepoint', () => {
  expect(readiness([nodeThatOffers(() => false)], 0, []).reasons).toHaveLength(requiredProbes.size)
})

it('is given without a tracepoint that only some builds have', () => {
  expect(readiness([runningNode('a', { absent: 'udp:block_reconstruction_detail' })], 0, [])).toEqual(ready)
})

it('is not given when a tracepoint that this build has could not be attached', () => {
  expect(readiness([runningNode('a', { refused: 'udp:block_coinbase' })], 0, [])).toEqual(
    because('a: udp:block_coinbase is not attached: no nop instruction'),
  )
})

it('is not given when the semaphore of an attached tracepoint is 0', () => {
  expect(readiness([runningNode('a'), runningNode('b', { silent: 'udp:block_race_time' })], 0, [])).toEqual(
    because('b: udp:block_race_time is attached but its semaphore is 0: it will not fire'),
  )
})

it('is not given while a thread of a node waits for a page for longer than a disk takes', () => {
  expect(readiness([runningNode('a', { held: 4.9 })], 0, [])).toEqual(ready)
  expect(readiness([runningNode('a'), runningNode('b', { held: 7.2 })], 0, [])).toEqual(
    because(
      'b: a thread of bitcoind has been waiting in udp:block_send_start for 7 s for a page of its memory: ' +
        'a network file system does not answer, or userfaultfd holds it back',
    ),
  )
})

it('is not given when attaching failed, until it works', () => {
  const node = new Node('a', () => {})
  node.processStarted(target('a'))
  node.attachFailed('/proc/1/exe cannot be read: permission denied')
  expect(readiness([node], 0, [])).toEqual(because('a: /proc/1/exe cannot be read: permission denied'))
  node.attached({
    probes: tracepoints.map(({ probe }) => ({ probe, offered: true, attached: true })),
    silentProbes: () => [],
    close: async () => {},
  })
  expect(readiness([node], 0, [])).toEqual(ready)
})

it.each([
  [5, ready],
  [5.1, because('events have been waiting to be read for 5 s: the agent has too little CPU time')],
  [61, because('events have been waiting to be read for 61 s: the agent has too little CPU time')],
])('is a matter of reading what the kernel has written: %d s behind', (seconds, expected) => {
  expect(readiness([runningNode('a')], seconds, [])).toEqual(expected)
})

it('lists everything that is wrong', () => {
  const node = runningNode('a', { refused: 'udp:block_coinbase', silent: 'udp:block_race_time' })
  expect(readiness([node, new Node('b', () => {})], 10, []).reasons).toHaveLength(4)
})
