import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { NamesFile, type NamesFileOptions } from '../../../../agent/bitcoind/names/names-file.ts'
import { captureLog } from '../../../harness/captured-log.ts'
import { mountMemory } from '../../../harness/mounted.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'
import { until } from '../../../harness/until.ts'

let path: string
beforeEach(() => {
  path = join(temporaryDirectory(), 'blocks.node-names')
})

async function open(options: NamesFileOptions = {}) {
  const { log, lines: warnings } = captureLog('warn')
  const file = new NamesFile(path, log, options)
  await file.read()
  return { file, warnings }
}

const names = [
  { directory: '/srv/a', suffix: '' },
  { directory: '/data', place: '/volumes/1', suffix: 'data' },
]

it('gives back what was kept last', async () => {
  const { file, warnings } = await open()
  expect(file.names).toEqual([])
  file.keep(names.slice(0, 1))
  file.keep(names)
  await file.close()
  expect((await open()).file.names).toEqual(names)
  expect(statSync(path).mode & 0o777).toBe(0o640)
  expect(warnings).toEqual([])
})

it.each([
  ['no JSON', 'x'],
  ['another file', '{"file":"x","version":1,"names":[]}'],
  ['a later version', '{"file":"names of the nodes of fibre-agent","version":2,"names":[]}'],
  ['one name twice', holding('', '')],
  ['a name that is no label', holding('a"b')],
  ['a name of many characters', holding('x'.repeat(257))],
  ['more names than are ever kept', holding(...Array.from({ length: 1_025 }, (_, i) => `${i}`))],
])('leaves alone what holds %s, and says once that names are not remembered', async (_, text) => {
  writeFileSync(path, text)
  const { file, warnings } = await open()
  file.keep(names)
  await file.close()
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect(file.fault).toBe('it holds something else')
  expect(warnings).toMatchObject([{ path, reason: 'it holds something else' }])
})

it('does not follow a link that somebody has put there', async () => {
  const target = `${path}.target`
  writeFileSync(target, 'untouched')
  symlinkSync(target, path)
  symlinkSync(target, `${path}.new`)
  const { file } = await open()
  file.keep(names)
  await file.close()
  expect(file.fault).toBeDefined()
  expect(readFileSync(target, 'utf8')).toBe('untouched')
})

it('is written as soon as a full disk has room, which ends the fault', async (context) => {
  path = join(mountMemory(context), 'blocks.node-names')
  const filler = join(dirname(path), 'filler')
  const { file, warnings } = await open({ retryMs: 20 })
  file.keep(names.slice(0, 1))
  await until(() => existsSync(path), 'the file')
  expect(() => writeFileSync(filler, Buffer.alloc(2 ** 17))).toThrow('ENOSPC')
  file.keep(names)
  await until(() => file.fault !== undefined, 'the fault')
  expect(warnings).toMatchObject([{ path, reason: 'the disk is full: make room there' }])
  rmSync(filler)
  await until(() => file.fault === undefined, 'the names to be written')
  expect((await open()).file.names).toEqual(names)
  expect(warnings).toHaveLength(1)
  await file.close()
})

it('is written anew after it was deleted, also when no name is new and its folder is gone for a while', async () => {
  path = join(temporaryDirectory(), 'folder', 'blocks.node-names')
  mkdirSync(dirname(path))
  const before = await open()
  before.file.keep(names)
  await before.file.close()

  const { file, warnings } = await open({ retryMs: 20, checkMs: 20 })
  rmSync(path)
  await until(() => existsSync(path), 'the file')
  rmSync(dirname(path), { recursive: true })
  await until(() => file.fault !== undefined, 'the fault')
  mkdirSync(dirname(path))
  await until(() => file.fault === undefined, 'the file')
  await file.close()
  expect((await open()).file.names).toEqual(names)
  expect(warnings).toHaveLength(1)
})

function holding(...suffixes: readonly string[]): string {
  const names = suffixes.map((suffix, i) => ({ directory: `/srv/${i}`, suffix }))
  return JSON.stringify({ file: 'names of the nodes of fibre-agent', version: 1, names })
}
