import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { recordOf } from '../../agent/blocks/record.ts'
import { LossLog } from '../../agent/nodes/loss-log.ts'
import { SlowBlocks } from '../../agent/webhook/slow-blocks.ts'
import { captureLog } from '../harness/captured-log.ts'
import { connected, eventOf, startBlocks } from './blocks/events.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Closes so many slow blocks. */
function closeSlowBlocks(slowBlocks: SlowBlocks, count: number): void {
  const { blocks, observe } = startBlocks((milestone, block) => milestone === 'closed' && slowBlocks.take(recordOf(block)))
  for (let i = 0; i < count; i++) observe(eventOf('udp:block_reconstructed', { blockHash: `${i}`, durationUs: 60_000 }), connected(`${i}`))
  blocks.close()
}

it('logs 50 slow blocks a minute, and how many more there were', () => {
  const { lines, log } = captureLog()
  const slowBlocks = new SlowBlocks({ slowMs: 50, verySlowMs: 100 }, log)
  closeSlowBlocks(slowBlocks, 254)
  expect(lines.map(({ msg }) => msg)).toEqual(Array(50).fill('slow_block_alert'))
  vi.advanceTimersByTime(60_000)
  expect(lines.slice(50)).toMatchObject([{ level: 40, left_out: 204, msg: expect.stringContaining('were not logged') }])

  closeSlowBlocks(slowBlocks, 50)
  vi.advanceTimersByTime(60_000)
  expect(lines.slice(51).map(({ msg }) => msg)).toEqual(Array(50).fill('slow_block_alert'))
})

it('says what was left out also when the agent ends before the minute does', () => {
  const { lines, log } = captureLog()
  const slowBlocks = new SlowBlocks({ slowMs: 50, verySlowMs: 100 }, log)
  closeSlowBlocks(slowBlocks, 51)
  slowBlocks.close()
  expect(lines.at(-1)).toMatchObject({ left_out: 1 })
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(51)
})

it('says of a flood that it begins, and when nothing more was lost for 10 s, how many were lost in the end', () => {
  const { lines, log } = captureLog()
  const losses = new LossLog(log)
  losses.take({ node: 'a', eventType: 'race_time', lost: 3 }, 1e9)
  losses.take({ node: 'a', eventType: 'race_time', lost: 40 }, 5e9)
  losses.take({ node: 'a', eventType: 'block_connected', lost: 7 }, 6e9)
  losses.take({ node: 'b', eventType: 'race_time', lost: 1 }, 8e9)
  losses.advance(15.9e9)
  expect(lines).toMatchObject([
    { node: 'a', event_type: 'race_time', lost: 3, msg: expect.stringContaining('events are lost') },
    { node: 'b', event_type: 'race_time', lost: 1 },
  ])
  losses.advance(16e9)
  expect(lines[2]).toMatchObject({ node: 'a', lost: 50, by_event_type: { race_time: 43, block_connected: 7 } })
  losses.take({ node: 'a', eventType: 'race_time', lost: 2 }, 20e9)
  losses.close()
  expect(lines.slice(3).map(({ node, lost }) => ({ node, lost }))).toEqual([
    { node: 'a', lost: 2 },
    { node: 'b', lost: 1 },
    { node: 'a', lost: 2 },
  ])
})
