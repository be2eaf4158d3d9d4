import { expect, it } from 'vitest'
import { WallClock } from '../../../../../agent/sources/ebpf/ring/clock.ts'

/** Two clocks that a test moves: each reading takes as long as `takesNs` says, and the wall clock is read in the middle of it. */
function clocks() {
  const state = { monotonicNs: 5_000_000_000n, offsetNs: 1_800_000_000_000_000_000n, takesNs: [400n] }
  const read = () => {
    const takes = state.takesNs.length > 1 ? (state.takesNs.shift() as bigint) : (state.takesNs[0] as bigint)
    const beforeNs = state.monotonicNs
    state.monotonicNs += takes
    // An interrupted reading is interrupted before the wall clock is read.
    return { beforeNs, wallNs: state.monotonicNs - 200n + state.offsetNs, afterNs: state.monotonicNs }
  }
  return { state, read }
}

it('the offset of the wall clock is read to the µs, though most readings are interrupted', () => {
  const { state, read } = clocks()
  const interrupted = 3_000_000n
  state.takesNs = [interrupted, interrupted, interrupted, 400n, interrupted]
  expect(new WallClock(read).offsetSeconds()).toBeCloseTo(1_800_000_000, 6)
})

it('the offset stays the same to the last digit while nobody steps the clock, however its readings fall out', () => {
  const { state, read } = clocks()
  const wallClock = new WallClock(read)
  const first = wallClock.offsetSeconds()
  state.takesNs = [90_000n, 400n, 2_000_000n, 700n, 400n]
  expect(Array.from({ length: 100 }, () => wallClock.offsetSeconds())).toEqual(Array(100).fill(first))
})

it.each([-3_600_000_000_000n, -5_000n, 5_000n, 86_400_000_000_000n])('a step of the clock by %d ns is followed at once', (stepNs) => {
  const { state, read } = clocks()
  const wallClock = new WallClock(read)
  wallClock.offsetSeconds()
  state.offsetNs += stepNs
  expect(wallClock.offsetSeconds()).toBeCloseTo(1_800_000_000 + Number(stepNs) / 1e9, 6)
})

it('the real clocks agree with Date, which is cut to ms', () => {
  const offset = new WallClock().offsetSeconds()
  const [before, nowNs, after] = [Date.now(), process.hrtime.bigint(), Date.now()]
  const ms = (offset + Number(nowNs) / 1e9) * 1e3
  expect(ms).toBeGreaterThanOrEqual(before - 0.01)
  expect(ms).toBeLessThan(after + 1.01)
})
