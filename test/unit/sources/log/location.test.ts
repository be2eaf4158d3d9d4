import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { debugLogOf } from '../../../../agent/sources/log/location.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'

/** A process with the command line of a bitcoind, which has this configuration. */
async function bitcoind(configuration: string, ...options: readonly string[]) {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'regtest'))
  writeFileSync(join(directory, 'bitcoin.conf'), configuration)
  const words = [`-datadir=${directory}`, ...options]
  const child = spawn('sh', ['-c', 'echo; read line', ...words], { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill())
  await once(child.stdout, 'data')
  return { directory, pid: child.pid as number }
}

it.each([
  ['', [], 'debug.log'],
  ['regtest=1', [], 'regtest/debug.log'],
  ['[main]\ndebuglogfile=logs/node.log', [], 'logs/node.log'],
  ['debuglogfile=other.log', ['-regtest', '-debuglogfile=mine.log'], 'regtest/mine.log'],
])('finds the log of a process with the configuration %j and %j', async (configuration, options, expected) => {
  const { directory, pid } = await bitcoind(configuration, ...options)
  expect(debugLogOf(pid)).toBe(join(directory, expected))
})

it('takes an absolute path as it is, and says where none is written', async () => {
  const { pid } = await bitcoind('debuglogfile=/var/log/node.log')
  expect(debugLogOf(pid)).toBe('/var/log/node.log')
  const silent = await bitcoind('', '-nodebuglogfile')
  expect(() => debugLogOf(silent.pid)).toThrow('bitcoind writes no debug.log: take nodebuglogfile out of its options')
})
