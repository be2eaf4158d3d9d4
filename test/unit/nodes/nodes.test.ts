import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import { LOST_FIBRE } from '../../../agent/nodes/readiness.ts'
import type { Attachment, EventSource, ProbeState } from '../../../agent/sources/source.ts'
import { requiredProbes, tracepoints } from '../../../agent/tracepoints/index.ts'
import { captureLog } from '../../harness/captured-log.ts'

const target = { node: 'n', pid: 1, executable: '/usr/local/bin/bitcoind' }
const [first, ...others] = [...requiredProbes] as [string, ...string[]]

const attached = (probe: string): ProbeState => ({ probe, offered: true, attached: true })
const refused = (probe: string, reason = 'another tracer holds it'): ProbeState => ({
  probe,
  offered: true,
  attached: false,
  reason,
  refused: true,
})
const absent = (probe: string): ProbeState => ({ probe, offered: false, attached: false, reason: 'this build does not have it' })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] })
  return () => vi.useRealTimers()
})

/** Nodes that are measured through a source that a test plays, and what is logged of them. */
function measure(attachment: Partial<Attachment>) {
  const { log, lines } = captureLog()
  const whole = { probes: [], silentProbes: () => [], close: async () => {}, ...attachment }
  const attach = vi.fn((): Attachment => whole)
  const source: EventSource = {
    start() {},
    now: () => 0,
    attach,
    drain() {},
    totals: () => [],
    forget() {},
    backlogSeconds: () => 0,
    close() {},
  }
  const nodes = new Nodes(source, [], { log })
  return {
    nodes,
    whole,
    attach,
    logged: () => lines.splice(0).map(({ msg, probe, reason }) => [msg, probe, reason].filter(Boolean).join(': ')),
  }
}

describe('a tracepoint that the kernel refused', () => {
  it('is tried again every 10 s, by itself, and told of when that changes something', async () => {
    const retry = vi.fn()
    const probes = [refused(first), ...others.map(attached)]
    const { nodes, attach, logged } = measure({ probes, retry })
    nodes.processStarted(target)
    expect(logged()).toEqual([`tracepoint not attached; trying again: ${first}: another tracer holds it`, 'attached to bitcoind'])

    for (let second = 1; second <= 35; second++) {
      vi.advanceTimersByTime(1000)
      nodes.tick()
    }
    expect(retry).toHaveBeenCalledTimes(3)
    expect(attach).toHaveBeenCalledTimes(1)
    expect(logged()).toEqual([])

    retry.mockImplementation(() => probes.splice(0, 1, refused(first, 'too many open files')))
    vi.advanceTimersByTime(10_000)
    nodes.tick()
    expect(logged()).toEqual([`tracepoint not attached; trying again: ${first}: too many open files`])
    retry.mockImplementation(() => probes.splice(0, 1, attached(first)))
    vi.advanceTimersByTime(10_000)
    nodes.tick()
    expect(logged()).toEqual([`tracepoint attached: ${first}`])
    vi.advanceTimersByTime(100_000)
    nodes.tick()
    expect(retry).toHaveBeenCalledTimes(5)
  })

  it('is tried again as soon as the link to a process before of the same executable is closed, unless the agent ends', async () => {
    const retried = async (after: typeof target, end?: (nodes: Nodes) => unknown) => {
      const closing = Promise.withResolvers<void>()
      const retry = vi.fn()
      const { nodes, whole } = measure({ probes: [attached(first)], close: () => closing.promise })
      nodes.processStarted(target)
      nodes.processExited(target)
      Object.assign(whole, { probes: [refused(first)], retry, close: async () => {} })
      nodes.processStarted(after)
      await vi.advanceTimersByTimeAsync(200)
      expect(retry).not.toHaveBeenCalled()
      end?.(nodes)
      closing.resolve()
      await vi.advanceTimersByTimeAsync(0)
      return retry.mock.calls.length
    }
    expect(await retried({ ...target, pid: 2 })).toBe(1)
    expect(await retried({ ...target, pid: 2, executable: '/opt/bitcoind' })).toBe(0)
    expect(await retried({ ...target, pid: 2 }, (nodes) => nodes.processExited({ ...target, pid: 2 }))).toBe(0)
    expect(await retried({ ...target, pid: 2 }, (nodes) => nodes.close())).toBe(0)
  })

  it('lets races be judged once it is attached', async () => {
    const probes = [...requiredProbes].map((probe) => (probe === 'udp:block_race_time' ? refused(probe) : attached(probe)))
    const { nodes } = measure({ probes, retry: () => probes.splice(0, probes.length, ...[...requiredProbes].map(attached)) })
    nodes.processStarted(target)
    const node = nodes.add('n')
    expect(node.blocks.racesVisible).toBe(false)
    vi.advanceTimersByTime(10_000)
    nodes.tick()
    expect(node.blocks.racesVisible).toBe(true)
  })

  it('by itself, after all were attached, is looked at again, and lets no race be judged', async () => {
    const probes = [...requiredProbes].map(attached)
    const { nodes, whole, logged } = measure({ probes })
    nodes.processStarted(target)
    const { blocks } = nodes.add('n')
    logged()
    const later = (now: readonly ProbeState[]) => {
      Object.assign(whole, { probes: now })
      vi.advanceTimersByTime(10_000)
      nodes.tick()
      return [blocks.racesVisible, logged()]
    }
    const race = 'udp:block_race_time'
    expect(later(probes)).toEqual([true, []])
    expect(later(probes.map((state) => (state.probe === race ? refused(race, 'debug=bench is missing') : state)))).toEqual([
      false,
      [`tracepoint not attached; trying again: ${race}: debug=bench is missing`],
    ])
    expect(later(probes)).toEqual([true, [`tracepoint attached: ${race}`]])
  })

  it('costs a line of the log when it cannot be looked at after the link to the process before was closed', async () => {
    const closing = Promise.withResolvers<void>()
    const { nodes, whole, logged } = measure({ probes: [attached(first)], close: () => closing.promise })
    nodes.processStarted(target)
    nodes.processExited(target)
    Object.assign(whole, { probes: [refused(first)], close: async () => {} })
    nodes.processStarted({ ...target, pid: 2 })
    logged()
    Object.defineProperty(whole, 'probes', {
      get() {
        throw new Error('out of memory')
      },
    })
    closing.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(logged()).toEqual(['cannot try again to attach to bitcoind'])
  })

  it('costs nothing else when its process ends while it is tried', async () => {
    const retry = () => {
      throw new Error('attach: No such process')
    }
    const { nodes, logged } = measure({ probes: [refused(first)], retry })
    nodes.processStarted(target)
    logged()
    vi.advanceTimersByTime(10_000)
    nodes.tick()
    expect(logged()).toEqual([])
  })
})

describe('a bitcoind of which nothing is attached', () => {
  const last = async (probes: readonly ProbeState[], offersAny = false) => {
    const { nodes, logged } = measure({ probes, offersAny })
    nodes.processStarted(target)
    return logged().at(-1)
  }

  it('has nothing to measure only where it offers nothing', async () => {
    expect(await last([...requiredProbes].map(absent))).toMatch(/^nothing to measure here: .* built with USDT tracing$/)
    expect(await last([...requiredProbes].map((probe) => refused(probe)))).toBe('no tracepoint of this bitcoind could be attached')
  })

  it('has none of those that are wanted where it offers others', async () => {
    const told = await last([...requiredProbes].map(absent), true)
    expect(told).toMatch(/^nothing to measure here: this bitcoind has tracepoints, but none of those that --tracepoints names/)
  })

  it('is not tried again for tracepoints that it does not have', async () => {
    const retry = vi.fn()
    const { nodes } = measure({ probes: [...requiredProbes].map(absent), retry })
    nodes.processStarted(target)
    vi.advanceTimersByTime(60_000)
    nodes.tick()
    expect(retry).not.toHaveBeenCalled()
  })
})

describe('a node without FIBRE', () => {
  const offering = (isOffered: (group: string) => boolean) =>
    tracepoints.map(({ probe, group }) => (isOffered(group) ? attached(probe) : absent(probe)))
  const stock = offering((group) => group !== 'fibre')
  const fibre = offering(() => true)

  it('is said once to be measured as a stock node, whatever else it has', () => {
    const { nodes, logged } = measure({ probes: stock })
    for (let i = 0; i < 3; i++) {
      nodes.processStarted(target)
      nodes.processExited(target)
    }
    expect(logged().filter((line) => /stock|tracepoint not attached/.test(line))).toEqual(['measured as a stock node, without FIBRE'])
    expect(nodes.snapshot()).toMatchObject([{ hasFibre: false, hasLostFibre: false }])
  })

  it('is told of as one only once that is known, and has FIBRE once it has the tracepoints', () => {
    const waiting = [refused('validation:block_connected', 'the log is not there'), { ...absent('udp:block_race_time'), refused: true }]
    const { nodes, whole, logged } = measure({ probes: waiting, isKindKnown: false })
    const later = (attachment: Partial<Attachment>) => {
      Object.assign(whole, attachment)
      vi.advanceTimersByTime(10_000)
      nodes.tick()
      return [nodes.snapshot()[0]?.hasFibre, nodes.add('n').blocks.racesVisible, logged().filter((line) => /stock/.test(line))]
    }
    nodes.processStarted(target)
    expect(later({})).toEqual([undefined, false, []])
    expect(later({ isKindKnown: true })).toEqual([false, false, ['measured as a stock node, without FIBRE']])
    expect(later({ probes: fibre })).toEqual([true, true, []])
  })

  it('is said to be none neither when its log tells of FIBRE before it is looked at again, nor when it ends before', () => {
    const { nodes, whole } = measure({ probes: [refused('validation:block_connected')], isKindKnown: false })
    nodes.processStarted(target)
    Object.assign(whole, { probes: fibre, isKindKnown: true })
    expect(nodes.snapshot()[0]?.hasFibre).toBeUndefined()
    nodes.processExited(target)
    expect(nodes.snapshot()[0]?.hasFibre).toBeUndefined()
  })

  it('is warned of where it had FIBRE before, until it has it again', () => {
    const { nodes, whole, logged } = measure({ probes: fibre })
    const restartWith = (probes: readonly ProbeState[]) => {
      Object.assign(whole, { probes })
      nodes.processStarted(target)
      const [node] = nodes.snapshot()
      nodes.processExited(target)
      return [node?.hasLostFibre, logged().filter((line) => /FIBRE/.test(line))]
    }
    expect(restartWith(fibre)).toEqual([false, []])
    expect(restartWith(stock)).toEqual([true, [LOST_FIBRE]])
    expect(restartWith(stock)).toEqual([true, []])
    expect(restartWith(fibre)).toEqual([false, []])
    expect(restartWith(stock)).toEqual([true, [LOST_FIBRE]])
  })
})

describe('the end', () => {
  it('waits for the kernel to detach, and not longer than a second; then it says what is left', async () => {
    const closing = Promise.withResolvers<void>()
    const { nodes, logged } = measure({ probes: [...requiredProbes].map(attached), close: () => closing.promise })
    nodes.processStarted(target)
    logged()
    const ended = vi.fn()
    const end = nodes.close().then(ended)
    await vi.advanceTimersByTimeAsync(990)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(20)
    await end
    expect(logged()).toEqual(['detaching takes long: it is left to the kernel, which ends it by itself'])
  })
})
