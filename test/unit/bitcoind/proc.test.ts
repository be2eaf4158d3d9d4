import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { Pids } from '../../../agent/bitcoind/proc/pids.ts'
import { readProcess } from '../../../agent/bitcoind/proc/proc.ts'
import { pausingProgram, startProcess, watch } from './processes.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'proc-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
})

/** Writes what /proc would say of pid 42; returns its directory. */
function pid42({
  name = 'bitcoind',
  state = 'S',
  startTicks = 4711,
  words = ['bitcoind'],
  environ = 'HOME=/home/sat',
  thread = false,
} = {}) {
  const directory = join(root, '42')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  symlinkSync('/bin/sh', join(directory, 'exe'))
  symlinkSync('/var/lib', join(directory, 'cwd'))
  writeFileSync(join(directory, 'stat'), `42 (${name}) ${state} 7 ${'0 '.repeat(17)}${startTicks} 0 0\n`)
  writeFileSync(join(directory, 'status'), `Name:\t${name}\nTgid:\t${thread ? 41 : 42}\nPid:\t42\nUid:\t1000\t1000\t1000\t1000\n`)
  writeFileSync(join(directory, 'cmdline'), words.map((word) => `${word}\0`).join(''))
  writeFileSync(join(directory, 'environ'), `PATH=/bin\0${environ}\0`)
  return directory
}

function read(facts: Parameters<typeof pid42>[0]) {
  pid42(facts)
  return readProcess(root, 42)
}

describe('what /proc says of a process', () => {
  it.each([
    [['bitcoind', '-datadir=/srv/a'], '/srv/a'],
    [['bitcoind', '--datadir=/srv/a', '-server'], '/srv/a'],
    [['bitcoind', '--datadir', '/srv/a'], '/srv/a'],
    [['bitcoind', '-datadir=/srv/a=b c'], '/srv/a=b c'],
    [['bitcoind', '-datadir=/srv/a', '-datadir=/srv/b/'], '/srv/b'],
    [['bitcoind', '-datadir=bitcoin'], '/var/lib/bitcoin'],
    [['bitcoind', '-datadir='], '/home/sat/.bitcoin'],
    [['bitcoind', '-datadirectory=/srv/a'], '/home/sat/.bitcoin'],
    [['bitcoind'], '/home/sat/.bitcoin'],
  ])('reads the data directory of %j as %s', (words, dataDirectory) => {
    expect(read({ words })?.dataDirectory).toBe(dataDirectory)
  })

  it('takes the root directory for a home that is not set, as bitcoind does', () => {
    expect(read({ environ: 'USER=sat' })?.dataDirectory).toBe('/.bitcoin')
  })

  it('is not confused by a name with parentheses and spaces', () => {
    expect(read({ name: 'a) Z (b' })).toMatchObject({ pid: 42, parent: 7, startTicks: 4711 })
  })

  it.each([
    ['a zombie', { state: 'Z' }],
    ['a thread', { thread: true }],
    ['a process in the middle of its exec', { words: [] }],
  ])('leaves out %s', (_, facts) => {
    expect(read(facts)).toBeUndefined()
  })

  it('knows another process by its start when the pid is used again', async () => {
    pid42({ startTicks: 100 })
    const { told, seen, watcher } = await watch({ bitcoind: '/bin/sh' }, { procRoot: root, watchExit: undefined })
    watcher.scan()
    expect(told).toEqual(['+ localhost 42'])
    pid42({ startTicks: 200 })
    watcher.scan()
    expect(told).toEqual(['+ localhost 42', '- localhost 42', '+ localhost 42'])
    expect(seen.map(({ startTicks }) => startTicks)).toEqual([100, 200])
  })

  it('does not follow a given pid to another program', async () => {
    pid42({ startTicks: 100 })
    const { told, watcher } = await watch({ pid: 42 }, { procRoot: root, watchExit: undefined })
    rmSync(join(pid42({ startTicks: 200 }), 'exe'))
    symlinkSync('/bin/true', join(root, '42', 'exe'))
    watcher.scan()
    expect(told).toEqual(['+ localhost 42', '- localhost 42'])
  })
})

describe('which pids are new', () => {
  it('knows by the count of pids given out, and lists nothing for that', async () => {
    const pids = new Pids('/proc')
    expect(pids.all()).toContain(process.pid)
    const { pid } = await startProcess(pausingProgram().install('bitcoind'))
    const fresh = pids.fresh()
    expect(fresh).toContain(pid)
    expect(fresh).not.toContain(process.pid)
    expect(pids.fresh()).not.toContain(pid)
  })

  it('compares listings where that count is not to be had', () => {
    const pids = new Pids(root)
    pid42()
    expect(pids.all()).toEqual([42])
    mkdirSync(join(root, '43'))
    mkdirSync(join(root, 'sys'))
    expect(pids.fresh()).toEqual([43])
    expect(pids.fresh()).toEqual([])
  })
})
