import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { collectAfterBursts } from '../../agent/memory.ts'

const MEBIBYTE = 2 ** 20
const collect = vi.fn<NonNullable<typeof globalThis.gc>>()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  vi.stubGlobal('gc', collect)
  vi.spyOn(process, 'cpuUsage').mockReturnValue({ user: 0, system: 0 })
  use(80)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  collect.mockReset()
})

function use(mebibytes: number): void {
  vi.spyOn(process.memoryUsage, 'rss').mockReturnValue(mebibytes * MEBIBYTE)
}

it('collects what the start has left, once', () => {
  const stop = collectAfterBursts()
  vi.advanceTimersByTime(10_000)
  expect(collect).toHaveBeenCalledTimes(1)
  stop()
})

it('collects after a burst, and once more if that gave much back', () => {
  const stop = collectAfterBursts()
  vi.advanceTimersByTime(10_000)
  collect.mockReset().mockImplementationOnce(async () => use(90))
  use(110)
  vi.advanceTimersByTime(10_000)
  expect(collect).toHaveBeenCalledTimes(2)
  stop()
})

it('waits while the agent is busy', () => {
  vi.spyOn(process, 'cpuUsage').mockReturnValue({ user: 300_000, system: 0 })
  const stop = collectAfterBursts()
  vi.advanceTimersByTime(60_000)
  expect(collect).not.toHaveBeenCalled()
  stop()
})
