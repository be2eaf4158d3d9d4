import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { NamesFile } from '../../../../agent/bitcoind/names/names-file.ts'
import { captureLog } from '../../../harness/captured-log.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'

let path: string
beforeEach(() => {
  path = join(temporaryDirectory(), 'blocks.node-names')
})

async function open() {
  const { log, lines: warnings } = captureLog('warn')
  const file = new NamesFile(path, log)
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

function holding(...suffixes: readonly string[]): string {
  const names = suffixes.map((suffix, i) => ({ directory: `/srv/${i}`, suffix }))
  return JSON.stringify({ file: 'names of the nodes of fibre-agent', version: 1, names })
}
