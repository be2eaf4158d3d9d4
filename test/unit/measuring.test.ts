import pino from 'pino'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Measuring } from '../../agent/measuring.ts'
import type { Attachment, EventSource, ProbeState } from '../../agent/sources/source.ts'
import { openTelemetry } from '../../agent/telemetry/telemetry.ts'
import { requiredProbes } from '../../agent/tracepoints/index.ts'

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
async function measure(attachment: Partial<Attachment>) {
  const lines: { msg: string; probe?: string; reason?: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const { instruments } = await openTelemetry({ version: '1.2.3', port: 9435, openLabelLimit: 0, log })
  const whole = { probes: [], silentProbes: () => [], close: async () => {}, ...attachment }
  const attach = vi.fn((): Attachment => whole)
  const source: EventSource = { now: () => 0, attach, drain() {}, losses: () => [], backlogSeconds: () => 0, close() {} }
  const measuring = new Measuring({ instruments, log, verbose: false })
  measuring.use(source)
  return {
    measuring,
    whole,
    attach,
    logged: () => lines.splice(0).map(({ msg, probe, reason }) => [msg, probe, reason].filter(Boolean).join(': ')),
  }
}

describe('a tracepoint that the kernel refused', () => {
  it('is tried again every 10 s, by itself, and told of when that changes something', async () => {
    const retry = vi.fn()
    const probes = [refused(first), ...others.map(attached)]
    const { measuring, attach, logged } = await measure({ probes, retry })
    measuring.appeared(target)
    expect(logged()).toEqual([`tracepoint not attached; trying again: ${first}: another tracer holds it`, 'attached to bitcoind'])

    for (let second = 1; second <= 35; second++) {
      vi.advanceTimersByTime(1000)
      measuring.keepHouse()
    }
    expect(retry).toHaveBeenCalledTimes(3)
    expect(attach).toHaveBeenCalledTimes(1)
    expect(logged()).toEqual([])

    retry.mockImplementation(() => probes.splice(0, 1, refused(first, 'too many open files')))
    vi.advanceTimersByTime(10_000)
    measuring.keepHouse()
    expect(logged()).toEqual([`tracepoint not attached; trying again: ${first}: too many open files`])
    retry.mockImplementation(() => probes.splice(0, 1, attached(first)))
    vi.advanceTimersByTime(10_000)
    measuring.keepHouse()
    expect(logged()).toEqual([`tracepoint attached: ${first}`])
    vi.advanceTimersByTime(100_000)
    measuring.keepHouse()
    expect(retry).toHaveBeenCalledTimes(5)
  })

  it('lets races be judged once it is attached', async () => {
    const probes = [...requiredProbes].map((probe) => (probe === 'udp:block_race_time' ? refused(probe) : attached(probe)))
    const { measuring } = await measure({ probes, retry: () => probes.splice(0, probes.length, ...[...requiredProbes].map(attached)) })
    measuring.appeared(target)
    const [node] = measuring.nodes
    expect(node?.blocks.racesVisible).toBe(false)
    vi.advanceTimersByTime(10_000)
    measuring.keepHouse()
    expect(node?.blocks.racesVisible).toBe(true)
  })

  it('costs nothing else when its process ends while it is tried', async () => {
    const retry = () => {
      throw new Error('attach: No such process')
    }
    const { measuring, logged } = await measure({ probes: [refused(first)], retry })
    measuring.appeared(target)
    logged()
    vi.advanceTimersByTime(10_000)
    measuring.keepHouse()
    expect(logged()).toEqual([])
  })
})

describe('a bitcoind of which nothing is attached', () => {
  const last = async (probes: readonly ProbeState[]) => {
    const { measuring, logged } = await measure({ probes })
    measuring.appeared(target)
    return logged().at(-1)
  }

  it('has nothing to measure only where it offers nothing', async () => {
    expect(await last([...requiredProbes].map(absent))).toMatch(/^nothing to measure here/)
    expect(await last([...requiredProbes].map((probe) => refused(probe)))).toBe('no tracepoint of this bitcoind could be attached')
  })

  it('is not tried again for tracepoints that it does not have', async () => {
    const retry = vi.fn()
    const { measuring } = await measure({ probes: [...requiredProbes].map(absent), retry })
    measuring.appeared(target)
    vi.advanceTimersByTime(60_000)
    measuring.keepHouse()
    expect(retry).not.toHaveBeenCalled()
  })
})

describe('the end', () => {
  it('waits for the kernel to detach, and not longer than a second; then it says what is left', async () => {
    const closing = Promise.withResolvers<void>()
    const { measuring, logged } = await measure({ probes: [...requiredProbes].map(attached), close: () => closing.promise })
    measuring.appeared(target)
    logged()
    const ended = vi.fn()
    const end = measuring.close().then(ended)
    await vi.advanceTimersByTimeAsync(990)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(20)
    await end
    expect(logged()).toEqual(['detaching takes long: it is left to the kernel, which ends it by itself'])
  })
})
