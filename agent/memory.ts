import { trimHeap } from './native/libc.ts'

const CHECK_MS = 2_000
/** Ordinary work takes up to 10 MiB that a collection has given back. */
const BURST_BYTES = 16 * 2 ** 20
/** Part of a processor that the agent uses when little happens: 1,000 events a second take 0.02 to 0.03. */
const QUIET = 0.01

/**
 * Gives back what the start, and later each burst, has left in memory, once it is over. V8 collects when it needs room for more, so what
 * 10,000 requests have left would stay; and the pages that a collection frees stay with V8, resident, unless it collects as if memory had
 * run out, which takes some 50 ms.
 */
export function collectAfterBursts(): () => void {
  let keptBytes = 0 // the start counts as a burst
  let hasGivenBack = false
  let cpu = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const usedBytes = process.memoryUsage.rss()
    if ((user + system) / 1e3 > QUIET * CHECK_MS || (usedBytes < keptBytes + BURST_BYTES && !hasGivenBack)) return
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    trimHeap()
    keptBytes = process.memoryUsage.rss()
    hasGivenBack = usedBytes - keptBytes >= BURST_BYTES // so once more: some of it may have been waiting for something then
  }, CHECK_MS)
  return () => clearInterval(timer)
}
