import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { withOwnNode } from '../../../agent/packaging/tree.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { nodeOptionsOf } from '../../harness/agent.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'

const root = join(import.meta.dirname, '../../..')
const options = nodeOptionsOf(root)

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
    const source = readFileSync(filename, 'latin1')
    const cachedData = readFileSync(filename + '.cache')
    console.log(new (require('node:vm').Script)(source, { filename, cachedData }).cachedDataRejected)`
  const { stdout } = spawnSync(process.execPath, [...options, '-e', script, join(root, 'dist/main.cjs')], { encoding: 'utf8' })
  expect(stdout).toBe('false\n')
})

it('has a first line that the kernel reads to its end in packages, too', () => {
  const launcher = readFileSync(join(root, 'dist/agent.cjs'), 'utf8')
  expect(withOwnNode(launcher)).toMatch(new RegExp(`^#!/usr/bin/env -S /usr/lib/fibre-agent/node ${options.join(' ')}\n`))
  expect(() => withOwnNode(launcher.replace('\n', ` --${'x'.repeat(40)}\n`))).toThrow('the first line of the launcher')
})

it('is not needed to run the bundle', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist/main.cjs'), '--version'], { encoding: 'utf8' })
  expect(stdout).toBe(`fibre-agent ${manifest.version}\n`)
  expect(status).toBe(0)
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

it('opens no debugger for a SIGUSR1 as soon as the process would obey one', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asked = ['health', '--health-port', String((server.address() as AddressInfo).port)]
  const flags = [...options, '--inspect-port=0'] // its own port may be in use
  const agent = spawn(process.execPath, [...flags, join(root, 'dist/agent.cjs'), ...asked], { stdio: ['ignore', 'ignore', 'pipe'] })
  const stderr = text(agent.stderr)
  const deadline = performance.now() + 10_000
  while (!catchesSigusr1(agent.pid as number)) if (performance.now() > deadline) throw new Error('the agent does not catch SIGUSR1')
  agent.kill('SIGUSR1')
  expect(await stderr).toMatch(/^fibre-agent: health: no answer from .*\n$/)
  server.close()
})

function catchesSigusr1(pid: number): boolean {
  const caught = /^SigCgt:\s+(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (BigInt(`0x${caught}`) & (1n << BigInt(constants.signals.SIGUSR1 - 1))) !== 0n
}
