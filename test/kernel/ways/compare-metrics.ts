import { expect } from 'vitest'
import { paths } from '../../../agent/blocks/summary/summary.ts'
import type { BlockRecord, Run } from './agent-run.ts'
import { pathOf } from './compare-record.ts'
import { isConnected, isWaiting, lateHeadStart, type Passed, type Span, span, type Way } from './expected-way.ts'

/** Compares all metrics that tell how blocks came with what the node did. */
export function compareMetrics(run: Run): void {
  const connected = run.ways.filter(isConnected)
  const closed = connected.filter((way) => !isWaiting(way))
  expectValue(run, 'bitcoin_blocks_connected_total', {}, connected.length)
  expectValue(run, 'bitcoin_blocks_caught_up_total', {}, 0)
  expectValue(run, 'bitcoin_competing_blocks_total', {}, run.ways.filter(({ competesWith }) => competesWith).length)
  comparePaths(run, closed)
  compareAnnouncements(run, connected, closed)
  compareDeliveries(run, closed)
  expectHistogram(run, 'fibre_race_head_start_measured_seconds', connected.map(lateHeadStart))
}

function comparePaths(run: Run, closed: readonly Way[]): void {
  const came = closed.map((way) => pathOf(way, run.records.get(way.block.block_hash) as BlockRecord, run.attachedNs))
  for (const path of paths) expectValue(run, 'bitcoin_blocks_total', { path }, came.filter((other) => other === path).length)
}

function compareAnnouncements(run: Run, connected: readonly Way[], closed: readonly Way[]): void {
  for (const message of ['cmpctblock', 'headers']) {
    const announced = connected.flatMap(({ announcements }) => announcements).filter((one) => one.message === message)
    expectValue(run, 'bitcoin_block_announcements_total', { message }, announced.length)
  }
  const lags = connected.flatMap(({ announcements: [first, ...others] }) => others.map((other) => span(first as Passed, other)))
  expectHistogram(run, 'bitcoin_block_announcement_lag_seconds', lags)
  const until = closed.map(({ announcements: [first], connected: end }) => first && end && first.ts_ns < end.ts_ns && span(first, end))
  expectHistogram(
    run,
    'bitcoin_block_announced_to_connected_seconds',
    until.filter((one) => one !== false),
  )
}

function compareDeliveries(run: Run, closed: readonly Way[]): void {
  const came = (path: string) => closed.filter(({ block }) => block.path === path)
  const asked = came('compact_block_round_trip')
  const failed = came('full_block').filter(({ compact, whole }) => compact && whole && compact.ts_ns < whole.ts_ns)
  for (const [result, ways] of Object.entries({ no_round_trip: came('compact_block'), round_trip: asked, full_block: failed }))
    expectValue(run, 'bitcoin_compact_block_reconstructions_total', { result }, ways.length)
  const roundTrips = asked.map(({ request, answer }) => span(request as Passed, answer as Passed))
  expectHistogram(run, 'bitcoin_compact_block_round_trip_seconds', roundTrips)
  const sum = (of: (way: Way) => number | undefined) => asked.reduce((total, way) => total + Number(of(way)), 0)
  expectValue(run, 'bitcoin_compact_block_requested_transactions_count', {}, asked.length)
  expectValue(
    run,
    'bitcoin_compact_block_requested_transactions_sum',
    {},
    sum(({ block }) => block.requested?.transactions),
  )
  expectValue(run, 'bitcoin_compact_block_requested_bytes_count', {}, asked.length)
  expectValue(
    run,
    'bitcoin_compact_block_requested_bytes_sum',
    {},
    sum(({ answer }) => answer?.size),
  )
}

function expectValue({ valuesOf }: Run, name: string, labels: Readonly<Record<string, string>>, expected: number): void {
  expect([name, labels, valuesOf(name, labels).map(({ value }) => value)]).toEqual([name, labels, [expected]])
}

/** A histogram of times: its count, and each bucket and the sum within what the node's bounds leave open. */
function expectHistogram({ valuesOf }: Run, name: string, known: readonly (Span | undefined)[]): void {
  const spans = known.filter((one) => one !== undefined)
  const value = (part: string) => valuesOf(`${name}_${part}`)[0]?.value ?? 0
  expect([name, value('count')]).toEqual([name, spans.length])
  for (const { labels, value } of valuesOf(`${name}_bucket`)) {
    const us = Number(labels.le === '+Inf' ? Number.POSITIVE_INFINITY : labels.le) * 1e6
    expect(value, `${name} ${labels.le}`).toBeGreaterThanOrEqual(spans.filter(({ mostUs }) => mostUs <= us).length)
    expect(value, `${name} ${labels.le}`).toBeLessThanOrEqual(spans.filter(({ leastUs }) => leastUs <= us).length)
  }
  const seconds = (of: (span: Span) => number) => spans.reduce((sum, span) => sum + of(span), 0) / 1e6
  expect(value('sum'), `${name}_sum`).toBeGreaterThanOrEqual(seconds(({ leastUs }) => leastUs) - 1e-6)
  expect(value('sum'), `${name}_sum`).toBeLessThanOrEqual(seconds(({ mostUs }) => mostUs) + 1e-6)
}
