import { beforeEach, describe, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { Listener, requireBpf, total } from '../harness/listening.ts'
import { randomFrom } from '../harness/random.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

it('under a load the reader is not woken for each event, but comes by itself every few milliseconds', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener()
  listener.attach(node)
  await node.command('events 5000 10000') // 500 bursts, one each millisecond
  await until(() => listener.heard.length === 5000, 'all events')
  const isApart = (arrivedNs: number, i: number) => arrivedNs - (listener.heard[i - 1]?.arrivedNs ?? 0) > 0.5e6
  const arrivals = listener.heard.filter(({ arrivedNs }, i) => isApart(arrivedNs, i)).length
  expect(arrivals).toBeLessThan(250)
})

// Nothing here drains the ring by itself, as a scrape does: what is heard has woken the reader.
describe('nothing stays in the ring', () => {
  it('when events come one by one: most are heard within milliseconds, none is kept', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener()
    listener.attach(node)
    for (let count = 1; count <= 100; count++) {
      await node.command('hit udp:block_send_start 1')
      await until(() => listener.heard.length === count, `event ${count}`, 1000)
    }
    const delaysMs = listener.heard.map(({ event, arrivedNs }) => (arrivedNs - event.stampNs) / 1e6).sort((a, b) => a - b)
    expect(delaysMs[90]).toBeLessThan(50)
  })

  it('when a block follows a burst, 300 times over', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener({ ringSize: 4 << 20 })
    listener.attach(node)
    const sizes = randomFrom(1)
    let sent = 0
    for (let round = 0; round < 300; round++) {
      const burst = node.command(`events ${1 + Math.floor(sizes() * 3000)} 0`)
      const block = await node.command('blocks 1')
      sent += total((await burst).events) + total(block.events)
      await until(() => listener.heard.length >= sent, `the events of round ${round}`, 1000)
    }
    expect(listener.heard).toHaveLength(sent)
    expect(listener.lost).toBe(0)
  })

  // Under a load the reader comes by itself; with few events it goes back to being woken. That happens in their midst here.
  it('when a load fades out, 50 times over', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener()
    listener.attach(node)
    const rates = randomFrom(1)
    let sent = 0
    for (let round = 0; round < 50; round++) {
      const load = node.command('events 400 4000')
      const few = await node.command(`events 30 ${120 + Math.floor(rates() * 60)}`)
      sent += total((await load).events) + total(few.events)
      await until(() => listener.heard.length >= sent, `the events of round ${round}`, 1000)
    }
    expect(listener.heard).toHaveLength(sent)
    expect(listener.lost).toBe(0)
  })

  it('when the floods that two threads fire have overrun it', async () => {
    await using node = await startDemoNode({ args: ['--control', '--threads', '2'] })
    await using listener = new Listener({ ringSize: 256 << 10 })
    listener.attach(node)
    let sent = 0
    for (let round = 0; round < 10; round++) {
      sent += total((await node.command('flood 0.05')).events)
      await until(() => listener.heard.length + listener.lost >= sent, `the events of flood ${round}`, 5000)
      const { lost } = listener
      expect(lost).toBeGreaterThan(0)
      sent += total((await node.command('blocks 1')).events)
      await until(() => listener.heard.length + lost >= sent, `the block after flood ${round}`, 1000)
      expect([listener.heard.length + lost, listener.lost]).toEqual([sent, lost])
    }
  })
})
