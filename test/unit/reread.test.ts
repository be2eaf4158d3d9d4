import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Reread } from '../../agent/reread.ts'
import { captureLog } from '../harness/captured-log.ts'
import { temporaryDirectory } from '../harness/temporary.ts'
import { until } from '../harness/until.ts'

/** A value that is the number of times that it was read, from files that may be others each time. */
function rereading({ files = ['a'], intervalMs = 0, problem = () => '' }: Partial<Fixture> = {}) {
  const folder = temporaryDirectory()
  const write = (name: string, content: string) => {
    writeFileSync(join(folder, `${name}.new`), content)
    renameSync(join(folder, `${name}.new`), join(folder, name))
  }
  for (const name of ['a', 'b']) write(name, '1')
  const { log, lines } = captureLog()
  const seen = { reads: 0, looks: 0, changes: [] as number[] }
  const value = new Reread<number>({
    ...{ what: 'thing', otherwise: 'still using the old one', intervalMs, log },
    files(read) {
      seen.looks++
      return [join(folder, files[Math.min(read, files.length) - 1] ?? '')]
    },
    read() {
      seen.reads++
      const said = seen.reads > 1 ? problem() : ''
      if (said !== '') throw new Error(said)
      return seen.reads
    },
    changed: (read) => seen.changes.push(read),
  })
  const look = async (enough: () => boolean) =>
    until(() => {
      value.look()
      return enough()
    }, 'the files to be looked at')
  return { value, write, look, seen, said: () => lines.map(({ msg, reason }) => (reason === undefined ? msg : `${msg}: ${reason}`)) }
}

interface Fixture {
  readonly files: readonly string[]
  readonly intervalMs: number
  readonly problem: () => string
}

it('reads anew when a file changes, and not while none does', async () => {
  const { value, write, look, seen, said } = rereading()
  await look(() => seen.looks > 5)
  expect([seen.reads, value.value]).toEqual([1, 1])
  write('a', '2')
  await look(() => seen.reads === 2)
  const { looks } = seen
  await look(() => seen.looks > looks + 5)
  expect([seen.reads, value.value, seen.changes, said()]).toEqual([2, 2, [2], ['thing reloaded']])
})

it('looks no more often than it may, however often it is asked', async () => {
  const { value, write, look, seen } = rereading({ intervalMs: 3_600_000 })
  write('a', '2')
  const { looks } = seen
  for (let request = 0; request < 1_000; request++) value.look()
  let turns = 0
  await look(() => ++turns > 5)
  expect([seen.looks, seen.reads]).toEqual([looks, 1])
})

it('says a problem once, however often the file changes, and another one too', async () => {
  let problem = 'no certificate'
  const { value, write, look, seen, said } = rereading({ problem: () => problem })
  for (const reads of [2, 3]) {
    write('a', `${reads}`)
    await look(() => seen.reads === reads)
  }
  const kept = 'thing not reloaded, still using the old one'
  expect([value.value, value.fault, said()]).toEqual([
    ...[1, 'The thing cannot be read anew, still using the old one: no certificate', [`${kept}: no certificate`]],
  ])
  problem = 'no key'
  write('a', '4')
  await look(() => seen.reads === 4)
  value.reload() // SIGHUP asks, and gets an answer
  problem = ''
  write('a', '5')
  await look(() => seen.reads === 6)
  expect(said()).toEqual([`${kept}: no certificate`, `${kept}: no key`, `${kept}: no key`, 'thing reloaded'])
  expect([value.value, value.fault]).toEqual([6, undefined])
})

it('looks at the files that the value names now', async () => {
  const { write, look, seen } = rereading({ files: ['a', 'b'] })
  write('a', '2')
  await look(() => seen.reads === 2)
  const { looks } = seen
  write('a', '3')
  await look(() => seen.looks > looks + 5)
  expect(seen.reads).toBe(2)
  write('b', '2')
  await look(() => seen.reads === 3)
})
