import { readFileSync } from 'node:fs'
import { beforeEach, expect, it } from 'vitest'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { type DemoNode, type Fired, startDemoNode } from '../demo-node/demo-node.ts'
import { Listener, requireBpf, total } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const RING = 256 << 10

it('a node that floods leaves room in the ring for another one, and what each lost is counted exactly', async () => {
  await using listener = new Listener({ ringSize: RING })
  await using flooding = await startDemoNode({ args: ['--control', '--threads', '2'] })
  await using other = await startDemoNode({ args: ['--control'] })
  listener.attach(flooding, 'flooding')
  listener.attach(other, 'other')

  // Nothing is read until this thread waits, so the ring holds all that it can.
  const flood = whileNothingIsRead(flooding, 'events 3000 0')
  const few = whileNothingIsRead(other, 'events 30 0')
  const fired = { flooding: await flood, other: await few }
  await until(() => listener.heard.length + listener.lost >= total(fired.flooding) + total(fired.other), 'the events')

  const lost = listener.losses()
  expect(lost.filter(({ node }) => node === 'other')).toEqual([])
  expect(accounted(listener)).toEqual({ flooding: byProbe(fired.flooding), other: byProbe(fired.other) })
  const heard = Map.groupBy(listener.heard, ({ event }) => event.node)
  expect(heard.get('flooding')?.length).toBeGreaterThan(RING / 1024)
  expect(heard.get('other')).toHaveLength(30)
})

it('a ring holds 30,000 events or more for each 8 MiB', async () => {
  await using listener = new Listener({ ringSize: RING })
  await using node = await startDemoNode({ args: ['--control'] })
  listener.attach(node)
  const fired = total(await whileNothingIsRead(node, 'events 3000 0'))
  await until(() => listener.heard.length + listener.lost >= fired, 'the events')
  expect(listener.lost).toBeGreaterThan(0)
  expect(listener.heard.length).toBeGreaterThan((30_000 * RING) / (8 << 20))
})

it('room is given back as events are read, to a node that flooded and to one that comes in its place', async () => {
  await using listener = new Listener({ ringSize: RING })
  await using node = await startDemoNode({ args: ['--control'] })
  await using silent = await startDemoNode({ args: ['--control'] })
  listener.attach(silent, 'silent')
  const attachment = listener.attach(node, 'first')
  const flood = total(await whileNothingIsRead(node, 'events 3000 0'))
  await until(() => listener.heard.length + listener.lost >= flood, 'the flood')
  const { lost } = listener
  for (let i = 0; i < 20; i++) await node.command('events 100 5000')
  await attachment.close()

  listener.attach(node, 'second')
  for (let i = 0; i < 20; i++) await node.command('events 100 5000')
  const rest = 2 * 20 * 100
  await until(() => listener.heard.length + listener.lost >= flood + rest, 'the events after it')
  expect(listener.lost).toBe(lost)
  expect(listener.heard.filter(({ event }) => event.node === 'second')).toHaveLength(rest / 2)
})

/** Has a node fire, and returns once it has answered, without giving this process's event loop a turn. */
async function whileNothingIsRead(node: DemoNode, command: 'events 3000 0' | 'events 30 0'): Promise<Fired['events']> {
  const written = () => /^wchar: (\d+)/m.exec(readFileSync(`/proc/${node.pid}/io`, 'utf8'))?.[1]
  const before = written()
  const answer = node.command(command)
  for (const deadline = performance.now() + 30_000; written() === before; )
    if (performance.now() > deadline) throw new Error(`node ${node.pid} does not answer ${command}`)
  return (await answer).events
}

const probeOf = (eventType: string) => tracepoints.find((tracepoint) => tracepoint.eventType === eventType)?.probe ?? eventType
const byProbe = (events: Fired['events']) => Object.fromEntries(Object.entries(events).filter(([, count]) => count > 0))

/** Events that were heard or counted as lost, by node and tracepoint. */
function accounted(listener: Listener) {
  const sums: Record<string, Record<string, number>> = {}
  const add = (node: string, probe: string, count: number) => {
    sums[node] ??= {}
    sums[node][probe] = (sums[node][probe] ?? 0) + count
  }
  for (const { event } of listener.heard) add(event.node, event.probe, 1)
  for (const { node, eventType, lost } of listener.losses()) add(node, probeOf(eventType), lost)
  return sums
}
