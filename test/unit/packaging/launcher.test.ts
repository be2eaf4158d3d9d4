import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { temporaryDirectory } from '../../harness/temporary.ts'

const root = join(import.meta.dirname, '../../..')
const options = /node (.*)$/m.exec(readFileSync(join(root, 'dist/agent.cjs'), 'utf8'))?.[1]?.split(' ') ?? []

/** A copy of the built agent in a folder of its own. */
function install(): string {
  const folder = temporaryDirectory()
  for (const file of ['agent.cjs', 'main.cjs', 'main.cjs.cache']) cpSync(join(root, 'dist', file), join(folder, file))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

const run = (folder: string) => spawnSync(process.execPath, [...options, join(folder, 'agent.cjs'), '--version'], { encoding: 'utf8' })

it('has compiled code that this Node.js takes with the options of the launcher', () => {
  const script = `
    const { readFileSync } = require('node:fs')
    const [, filename] = process.argv
    const source = require('node:module').wrap(readFileSync(filename, 'utf8'))
    const cachedData = readFileSync(filename + '.cache')
    console.log(new (require('node:vm').Script)(source, { filename, cachedData }).cachedDataRejected)`
  const { stdout } = spawnSync(process.execPath, [...options, '-e', script, join(root, 'dist/main.cjs')], { encoding: 'utf8' })
  expect(stdout).toBe('false\n')
})

it.each([
  ['is missing', (file: string) => rmSync(file)],
  ['is spoilt', (file: string) => writeFileSync(file, 'no code')],
  ['is of another version', (file: string) => writeFileSync(file, readFileSync(file).fill(1, 4, 8))],
])('starts where that code %s', (_, spoil) => {
  const folder = install()
  spoil(join(folder, 'main.cjs.cache'))
  expect(run(folder)).toMatchObject({ status: 0, stdout: `fibre-agent ${manifest.version}\n`, stderr: '' })
})
