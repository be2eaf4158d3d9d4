import type { BlockRecord } from '../blocks/record.ts'
import { rotatedAt } from './files.ts'

const DAY_MS = 24 * 3600 * 1000

/**
 * The time by which files are old, which no wrong clock moves. It goes on by the time that really passes. A leap of more than a day,
 * in the records or since the last one, counts as a day: the agent was off for so long, or the clock is wrong. Too much is kept then, never too little.
 */
export class JournalTime {
  #unixMs = Date.now()
  #learnedMs = performance.now()

  /** Learns from the newest records, oldest first, and the newest file that was rotated away. */
  learn(rotated: string | undefined, records: readonly Pick<BlockRecord, 'time'>[]): void {
    const rotatedMs = rotated === undefined ? [] : [rotatedAt(rotated).getTime()]
    const since = records.map(({ time }) => Date.parse(time)).filter((ms) => rotatedMs.every((earliest) => ms >= earliest))
    const nowMs = Date.now()
    const times = [...rotatedMs, ...since, nowMs]
    const leapsMs = times.slice(1).reduce((sum, ms, i) => sum + leapOf(ms - (times[i] ?? ms)), 0)
    this.#unixMs = nowMs - Math.max(leapsMs, 0)
    this.#learnedMs = performance.now()
  }

  now(): Date {
    return new Date(this.#unixMs + performance.now() - this.#learnedMs)
  }
}

/** The part of a step in time that is beyond a day, in either direction. */
function leapOf(ms: number): number {
  return Math.sign(ms) * Math.max(0, Math.abs(ms) - DAY_MS)
}
