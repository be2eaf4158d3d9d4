import { rmSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { Progress } from '../../../agent/sources/replay/progress.ts'
import { tracepoints } from '../../../agent/tracepoints/index.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { until } from '../../harness/until.ts'
import { usedHeap } from '../blocks/heap.ts'
import { recordingOf, sent, startReplay } from './recordings.ts'

const times = (file: Awaited<ReturnType<typeof startReplay>>) => file.handed.map(({ event }) => event.stampNs / 1e9)

it('a recording that cannot be read to its end ends there', async () => {
  const file = recordingOf(sent(1))
  const { run, lines } = await startReplay(file)
  rmSync(file)
  expect(await run()).toEqual({ events: 0, unreadable: 0 })
  expect(lines).toMatchObject([
    { msg: 'replaying' },
    { level: 50, err: { code: 'ENOENT' }, msg: 'cannot read on in the recording: it ends here' },
    { msg: 'replayed' },
  ])
})

describe('the nodes of a recording', () => {
  const line = (node: string, probe: string) => ({ ts_ns: 1e9, node, probe })

  it('have those probes that it holds events of', async () => {
    const { source } = await startReplay(
      recordingOf(line('A', 'udp:block_race_time'), line('B', 'validation:block_connected'), line('A', 'udp:block_race_time')),
    )
    expect(source.nodes).toEqual(['A', 'B'])
    const { probes, silentProbes } = source.attach({ node: 'A', pid: 0, executable: '' })
    expect(probes).toHaveLength(tracepoints.length)
    expect(probes.filter(({ attached }) => attached)).toEqual([{ probe: 'udp:block_race_time', offered: true, attached: true }])
    expect(probes[0]).toEqual({
      probe: 'udp:block_reconstructed',
      offered: false,
      attached: false,
      reason: 'the recording holds no event of it',
    })
    expect(silentProbes()).toEqual([])
    expect(source.backlogSeconds()).toBe(0)
  })

  it('are the only ones that can be listened to', async () => {
    const file = recordingOf(line('A', 'udp:block_race_time'))
    const { source } = await startReplay(file)
    expect(() => source.attach({ node: 'B', pid: 0, executable: '' })).toThrow(`${file} holds no event of B`)
  })
})

describe('time', () => {
  it('passes second by second, and 15 s beyond the end', async () => {
    const replay = await startReplay(recordingOf(sent(100.5), sent(101.4), sent(103.6)))
    expect(replay.source.now()).toBe(100.5e9)
    await replay.run()
    expect(replay.ticks).toEqual([101.5e9, 102.5e9, 103.5e9, 118.6e9])
  })

  it('stands still between a second and the next, whatever is handed on', async () => {
    const { run, source, handed } = await startReplay(recordingOf(sent(1), sent(1.25), sent(1.5), sent(2.5)))
    const between: number[] = []
    handed.push = (...items) => {
      setImmediate(() => between.push(source.now()))
      return items.length
    }
    await run(() => between.push(source.now()))
    expect([1e9, 2e9, 17.5e9]).toEqual(expect.arrayContaining([...new Set(between)]))
  })

  it('skips what is more than a minute of a gap', async () => {
    const replay = await startReplay(recordingOf(sent(100), sent(100_000)))
    await replay.run()
    expect(times(replay)).toEqual([100, 100_000])
    expect(replay.ticks).toHaveLength(62)
    expect(replay.ticks.slice(-3)).toEqual([160e9, 100_000e9, 100_015e9])
  })

  it('goes on where a recording of another boot was added', async () => {
    const replay = await startReplay(recordingOf(sent(5000), sent(5001), sent(10), sent(12), sent(3)))
    await replay.run()
    expect(times(replay)).toEqual([5000, 5001, 5016, 5018, 5033])
    expect(replay.ticks).toEqual(replay.ticks.toSorted((a, b) => a - b))
  })

  it('does not mind threads that overtake each other', async () => {
    const replay = await startReplay(recordingOf(sent(100), sent(99.2), sent(100.1)))
    await replay.run()
    expect(times(replay)).toEqual([100, 99.2, 100.1])
  })

  it('passes in time whatever the stamps are', async () => {
    const wild = Array.from({ length: 1000 }, (_, i) => ({ ...sent(0), ts_ns: i % 2 === 0 ? 0 : 9.2e18 }))
    const replay = await startReplay(recordingOf(...wild))
    expect(await replay.run()).toEqual({ events: 1000, unreadable: 0 })
  })
})

describe('the wall clock', () => {
  const unix = async (...lines: readonly object[]) => {
    const { run, handed } = await startReplay(recordingOf(...lines))
    await run()
    return handed.map(({ event }) => event.unixSeconds)
  }

  it('is told line by line', async () => {
    expect(await unix(sent(1, { unix_us: 1_800_000_000_000_001 }), sent(2, { unix_us: 5 }))).toEqual([1_800_000_000.000001, 0.000005])
  })

  it('is that at which bitcoind said it began to send, in earlier recordings: the first time of each boot', async () => {
    const lines = [sent(10), sent(11, { send_start_us: 1_800_000_000_000_000 }), sent(12.5, { start_us: 7 }), sent(3, { start_us: 9e15 })]
    expect(await unix(...lines)).toEqual([1_799_999_999, 1_800_000_000, 1_800_000_001.5, 9e9])
  })

  it('counts from 1970 where nothing tells it', async () => {
    expect(await unix(sent(10), sent(12))).toEqual([10, 12])
  })
})

describe('the speed', () => {
  it.each([
    [10, 100],
    [20, 50],
  ])('of %d lets a second take %d ms', async (speed, ms) => {
    const replay = await startReplay(recordingOf(sent(100), sent(100.5), sent(102)), speed)
    const start = performance.now()
    const at: number[] = []
    const push = replay.handed.push.bind(replay.handed)
    replay.handed.push = (item) => {
      at.push(performance.now() - start)
      return push(item)
    }
    await replay.run()
    for (const [i, seconds] of [0, 0.5, 2].entries()) expect(at[i]).toBeGreaterThanOrEqual(seconds * ms - 2)
    expect(at[2]).toBeLessThan(2 * ms + 1000)
  })

  it('is not kept to in a gap of over a minute, which is said', async () => {
    const replay = await startReplay(recordingOf(sent(100), sent(200_000), sent(400_000)), 1000)
    const start = performance.now()
    await replay.run()
    expect(performance.now() - start).toBeGreaterThan(110)
    expect(performance.now() - start).toBeLessThan(20_000)
    expect(replay.lines.filter(({ msg }) => String(msg).startsWith('a gap of over a minute'))).toMatchObject([{ seconds: 199_840 }])
  })

  it('does not keep an agent that ends waiting', async () => {
    const { run, source, handed } = await startReplay(recordingOf(sent(100), sent(150), sent(151)), 1)
    const running = run()
    await until(() => handed.length === 1, 'the first event')
    await source.attach({ node: 'n', pid: 0, executable: '' }).close()
    expect(await running).toEqual({ events: 1, unreadable: 0 })
    expect(handed).toHaveLength(1)
  })

  it('as fast as possible leaves other work its turns', async () => {
    const { run, handed } = await startReplay(recordingOf(...Array.from({ length: 600 }, (_, i) => sent(i / 100))))
    handed.push = () => {
      const start = performance.now()
      while (performance.now() - start < 1); // measuring that takes long
      return 0
    }
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    await run()
    clearInterval(counting)
    expect(turns).toBeGreaterThan(20)
  })
})

it('a recording takes no memory that grows with its length', { timeout: 30_000 }, async () => {
  const file = recordingOf(...Array.from({ length: 50_000 }, (_, i) => sent(i / 2500, { comm: 'x'.repeat(100) })))
  const { run, handed } = await startReplay(file)
  handed.push = () => 0
  const heap: number[] = []
  await run(() => heap.push(usedHeap()))
  expect(heap.length).toBeGreaterThan(10)
  expect(Math.max(...heap) - (heap[0] ?? 0)).toBeLessThan(4e6)
})

it('progress is said every few seconds, if there is any', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const { log, lines } = captureLog()
    const progress = new Progress(1000, log, 'replaying')
    for (let bytes = 0; bytes <= 1000; bytes += 5) {
      progress.at(bytes)
      vi.advanceTimersByTime(bytes < 500 ? 100 : 10_000)
    }
    expect(lines.slice(0, 3).map(({ percent }) => percent)).toEqual([25, 50, 51])
    expect(lines.at(-1)).toEqual({ level: 30, percent: 100, msg: 'replaying' })
    expect(lines).toHaveLength(52)
  } finally {
    vi.useRealTimers()
  }
})
