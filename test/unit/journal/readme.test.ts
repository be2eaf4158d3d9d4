import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isBlockRecord } from '../../../agent/blocks/record.ts'
import { connected, FIBRE, startBlocks, timesAre, winnerIs } from '../blocks/events.ts'
import { microsecondsOf } from '../blocks/expected-record.ts'

const readme = readFileSync(join(import.meta.dirname, '../../../agent/journal/README.md'), 'utf8')

it('shows blocks in order of time', () => {
  const [, table = ''] = /\$ fibre-agent blocks --last 5\n.*\n([^`]+)/.exec(readme) ?? []
  const rows = table.trim().split('\n')
  expect(rows).toHaveLength(5)
  expect(rows).toEqual(rows.toSorted())
})

it('shows a record of which times and durations agree', () => {
  const record = JSON.parse(/^\{"schema".*$/m.exec(readme)?.[0] ?? '')
  expect(isBlockRecord(record)).toBe(true)
  const ms = (from: string, to: string) => (microsecondsOf(record[to]) - microsecondsOf(record[from])) / 1e3
  expect(Math.abs(ms('first_chunk_at', 'reconstructed_at') - record.reconstruction_ms)).toBeLessThan(0.0015)
  expect(Math.abs(ms('reconstructed_at', 'connected_at') - record.reconstructed_to_connected_ms)).toBeLessThan(0.0015)
  expect(Math.abs(ms('connected_at', 'winner_known_at') - record.connected_to_winner_ms)).toBeLessThan(0.0015)
})

it('says how long a block stays open, which a killed agent loses; the agent looks once a second', () => {
  const [raced, raceless] = [[connected('a', 100), winnerIs('a', FIBRE, 100), timesAre('a', 1, -1, 100)], [connected('a', 100)]].map(
    (events) => {
      const { observe, advance, told } = startBlocks()
      observe(...events)
      let seconds = 100
      while (!told.includes('closed a')) advance(++seconds)
      return seconds - 100
    },
  )
  const [, ...said] =
    /race was told in the last (\d) to (\d) s, those without one that were\s+connected in the last (\d) to (\d) s/.exec(readme) ?? []
  expect(said.map(Number)).toEqual([raced, Number(raced) + 1, raceless, Number(raceless) + 1])
})
