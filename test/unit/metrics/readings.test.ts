import pino from 'pino'
import { expect, it } from 'vitest'
import { Readings } from '../../../agent/metrics/readings.ts'

it('leaves out what cannot be read, and logs each change once', () => {
  const lines: { msg: string; metric: string; err?: { message: string } }[] = []
  const readings = new Readings(pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }))
  const refuse = (): number => {
    throw new Error('EMFILE: too many open files')
  }
  expect(readings.take('process_open_fds', () => 7)).toBe(7)
  expect([readings.take('process_open_fds', refuse), readings.take('process_open_fds', refuse)]).toEqual([undefined, undefined])
  expect(readings.take('process_max_fds', () => 1024)).toBe(1024)
  expect(readings.take('process_open_fds', () => 8)).toBe(8)
  expect(lines.map(({ metric, msg, err }) => [metric, msg, err?.message])).toEqual([
    ['process_open_fds', 'cannot be read here; the metric is left out', 'EMFILE: too many open files'],
    ['process_open_fds', 'can be read again', undefined],
  ])
})
