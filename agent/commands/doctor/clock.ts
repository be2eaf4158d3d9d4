import type { Finding } from './finding.ts'

const area = 'clock'
/** Blocks of several nodes are compared by the clocks of their machines. */
const MOST_SECONDS = 0.1

/** Judges the most that the machine's clock can be wrong by; throws where the kernel does not tell. */
export function judgeClock(readErrorSeconds: () => number): Finding {
  try {
    const seconds = readErrorSeconds()
    const what = `the clock may be off by up to ${seconds.toPrecision(2)} s`
    if (seconds <= MOST_SECONDS) return { area, level: 'ok', what }
    const why = 'times of several machines cannot be compared; durations on this one are not touched'
    return { area, level: 'note', what, why, todo: 'run an NTP client such as chrony' }
  } catch (error) {
    return { area, level: 'note', what: `the state of the clock could not be read (${(error as Error).message})` }
  }
}
