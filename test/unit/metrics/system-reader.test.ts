import { expect, it } from 'vitest'
import { SystemReader } from '../../../agent/metrics/system-reader.ts'
import { captureLog } from '../../harness/captured-log.ts'

it('leaves out what cannot be read, and logs each change once', () => {
  const { log, lines } = captureLog()
  const reader = new SystemReader(log)
  const refuse = (): number => {
    throw new Error('EMFILE: too many open files')
  }
  expect(reader.tryRead('process_open_fds', () => 7)).toBe(7)
  expect([reader.tryRead('process_open_fds', refuse), reader.tryRead('process_open_fds', refuse)]).toEqual([undefined, undefined])
  expect(reader.tryRead('process_max_fds', () => 1024)).toBe(1024)
  expect(reader.tryRead('process_open_fds', () => 8)).toBe(8)
  expect(lines).toEqual([
    {
      level: 40,
      metric: 'process_open_fds',
      err: expect.objectContaining({ message: 'EMFILE: too many open files' }),
      msg: 'cannot be read here; the metric is left out',
    },
    { level: 30, metric: 'process_open_fds', msg: 'can be read again' },
  ])
})
