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
    const fromMs = rotated === undefined ? Number.NEGATIVE_INFINITY : rotatedAt(rotated).getTime()
    const since = records.map(({ time }) => Date.parse(time)).filter((ms) => ms >= fromMs)
    const times = [...(rotated === undefined ? [] : [fromMs]), ...since, Date.now()]
    const leaps = times.slice(1).map((ms, i) => leapOf(ms - (times[i] ?? ms)))
    this.#unixMs =
      Date.now() -
      Math.max(
        0,
        leaps.reduce((sum, leap) => sum + leap, 0),
      )
    this.#learnedMs = performance.now()
  }

  now(): Date {
    return new Date(this.#unixMs + performance.now() - this.#learnedMs)
  }
}

/** How much of a step in time is beyond a day, in either direction. */
function leapOf(ms: number): number {
  return Math.sign(ms) * Math.max(0, Math.abs(ms) - DAY_MS)
}
