import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseLine, type RecordedEvent } from '../../../../agent/sources/replay/format.ts'
import { readLog } from './read-log.ts'

const fixtures = join(import.meta.dirname, '../../../fixtures')
const linesOf = (file: string) => readFileSync(join(fixtures, file), 'utf8').split('\n')
const kernel = linesOf('events.jsonl').flatMap((line) => (line === '' ? [] : [parseLine(line) as RecordedEvent]))

/** How far a line's number may be from the tracepoint's: the line is rounded, and a connection is the sum of four such. */
const PRECISION: Readonly<Record<string, number>> = { udpNs: 5_000, cmpctNs: 5_000, durationNs: 20_000, durationUs: 300, startUs: 0 }
/** Node A fired an event and wrote its line just before or after. */
const TIME_US = 500

describe.each([
  ['default.log', 1_000_000],
  ['bench.log', 0],
] as const)('%s, which a real node wrote while its tracepoints were recorded', (file, secondUs) => {
  const { events, gaps } = readLog(linesOf(`logs/${file}`))
  const told = new Map<string, Readonly<Record<string, unknown>>>(
    events.flatMap((event) => ('blockHash' in event ? [[`${event.probe} ${event.blockHash}`, event] as const] : [])),
  )
  // Both logs are pieces: lines of their first and of their last block are missing.
  const connected = events.flatMap((event) => (event.probe === 'validation:block_connected' ? [event.blockHash] : []))
  const hashes = new Set(connected.slice(1, -1))
  const recorded = kernel.filter(
    ({ node, tracepoint, args }) => node === 'A' && !/chunk$/.test(tracepoint.probe) && hashes.has(args.blockHash as string),
  )

  it('has as many events of each tracepoint', () => {
    const count = (probes: readonly string[]) =>
      Object.fromEntries([...new Set(probes)].sort().map((probe) => [probe, probes.filter((one) => one === probe).length]))
    const ofBlocks = events.filter((event) => 'blockHash' in event && hashes.has(event.blockHash) && !event.probe.startsWith('net:'))
    expect(count(ofBlocks.map(({ probe }) => probe))).toEqual(count(recorded.map(({ tracepoint }) => tracepoint.probe)))
    expect(recorded.length).toBeGreaterThan(20)
    expect(gaps).toEqual([])
  })

  it('has their arguments, within the precision of the lines', () => {
    const wrong = recorded.flatMap(({ tracepoint: { probe }, args }) =>
      Object.entries(args).flatMap(([name, value]) => {
        const event = told.get(`${probe} ${args.blockHash}`)
        const said = event?.[name]
        if (probe === 'validation:block_connected' && name === 'sigops') return said === undefined ? [] : [{ probe, name, value, said }]
        const isNear = typeof value === 'number' && typeof said === 'number' && Math.abs(value - said) <= (PRECISION[name] ?? 0)
        return said === value || isNear ? [] : [{ probe, name, value, said }]
      }),
    )
    expect(wrong).toEqual([])
  })

  it('has their times', () => {
    const [first] = recorded.filter(({ tracepoint }) => tracepoint.probe === 'udp:block_send_start')
    const offsetUs = Number(first?.args.startUs) - Number(first?.tsNs) / 1e3
    for (const { tracepoint, args, tsNs } of recorded) {
      const late = Number(told.get(`${tracepoint.probe} ${args.blockHash}`)?.unixUs) - (tsNs / 1e3 + offsetUs)
      expect(late).toBeGreaterThan(-TIME_US - secondUs)
      expect(late).toBeLessThan(TIME_US)
    }
  })
})

it.each([
  ['default.log', ['micros'], true],
  ['bench.log', ['net'], true],
  ['levels-threads.log', ['cmpctblock', 'net', 'micros'], true],
  ['source-locations.log', ['cmpctblock', 'net'], true],
  ['mocktime.log', ['bench'], false],
  ['no-timestamps.log', ['timestamps'], false],
])('%s shows that these settings are missing: %j', (file, missing, isFibre) => {
  const { log } = readLog(linesOf(`logs/${file}`))
  expect(log.settings.missing).toEqual(missing)
  expect(log.settings.isFibre).toBe(isFibre)
})

it('counts headers by the message that brought them', () => {
  const { headers } = readLog(linesOf('logs/bench.log'))
  expect(headers).toEqual({ headers: 0, cmpctblock: 3 })
})

it('counts a header once of which Bitcoin Core before bitcoin/bitcoin#27826 writes two lines', () => {
  const hash = (block: number) => block.toString(16).padStart(64, '0')
  const saw = (block: number) => `2026-11-26T01:00:00Z Saw new header hash=${hash(block)} height=${block}`
  const sawCompact = (block: number) => `2026-11-26T01:00:00Z Saw new cmpctblock header hash=${hash(block)} peer=8`
  const tip = (block: number) =>
    `2026-11-26T01:00:01Z UpdateTip: new best=${hash(block)} height=${block} version=0x20000000 tx=${block} date='x'`
  const { headers, log } = readLog([saw(1), sawCompact(1), tip(1), saw(2), tip(2), saw(3), sawCompact(4), saw(5), saw(6), tip(6), saw(7)])
  expect(headers).toEqual({ headers: 4, cmpctblock: 2 })
  log.gap('it was cut')
  expect(headers).toEqual({ headers: 5, cmpctblock: 2 })
})
