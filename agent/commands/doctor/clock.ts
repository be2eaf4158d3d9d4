import type { ClockState } from '../../native/libc.ts'
import type { Finding } from './finding.ts'

const area = 'clock'
/** Blocks of several nodes are compared by the clocks of their machines. */
const MOST_SECONDS = 0.1

/** Judges whether the machine's clock is synchronized, and the most that it can be wrong by; `read` throws where the kernel does not tell. */
export function judgeClock(read: () => ClockState): Finding {
  try {
    const { isSynchronized, errorSeconds } = read()
    const off = `it may be off by up to ${errorSeconds.toPrecision(2)} s`
    if (isSynchronized && errorSeconds <= MOST_SECONDS) return { area, level: 'ok', what: `the clock is synchronized: ${off}` }
    const what = isSynchronized ? `the clock is synchronized, but ${off}` : `the clock is not synchronized: ${off}`
    const why = 'times of several machines cannot be compared; durations on this one are not touched'
    return { area, level: 'note', what, why, todo: 'run an NTP client such as chrony or systemd-timesyncd: timedatectl set-ntp true' }
  } catch (error) {
    return { area, level: 'note', what: `the state of the clock could not be read (${(error as Error).message})` }
  }
}
