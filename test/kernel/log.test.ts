import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { bundle, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { mountMemory } from '../harness/mounted.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { startLoggedAgent } from './logged-agent.ts'

beforeEach(requireBpf)

const CANNOT = 'cannot write the log; lines wait, and with too many the newest are dropped'
const DROPPED = 'lines of the log were dropped'
const STUCK = 'cannot open the log file anew; going on in the old one, and trying again'
const DROPPED_TOTAL = 'fibre_exporter_log_lines_dropped_total'

/** Fills a file system, whatever else is written to it meanwhile. Returns how to empty it. */
function fill(directory: string): () => void {
  const filler = join(directory, 'filler')
  expect(() => writeFileSync(filler, Buffer.alloc(2 ** 20))).toThrow('ENOSPC')
  return () => rmSync(filler)
}

/** More lines than may wait. */
const MANY_BLOCKS = 1_200

describe('a disk that is full', { timeout: 60_000 }, () => {
  it.for([
    ['log file', 'file', (log: string) => ['--log-file', log], () => 'exec >/dev/null'],
    ['standard output', 'stdout', () => [], (log: string) => `exec >>${log}`],
  ] as const)('under the %s costs lines, which are counted and told of, and nothing else', async ([, output, args, shell], context) => {
    const { path, install } = stage()
    const log = join(mountMemory(context, '256k'), 'agent.log')
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startLoggedAgent({ args: ['--bitcoind', bitcoind, '--verbose', ...args(log)], log, shell: shell(log) })
    await attached(node)
    const empty = fill(dirname(log))
    await node.command(`blocks ${MANY_BLOCKS} 4000`)
    await until(async () => ((await agent.scrape()).value(DROPPED_TOTAL, { output }) ?? 0) > 0, 'lines to be dropped', 30_000)
    await node.command('blocks 5')
    await until(async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total') === MANY_BLOCKS + 5, 'all blocks')

    execFileSync('mount', ['-o', 'remount,size=16m', dirname(log)])
    empty()
    const { dropped } = await agent.logged(DROPPED)
    expect(dropped).toBe((await agent.scrape()).value(DROPPED_TOTAL, { output }))
    agent.process.kill('SIGTERM')
    expect(await agent.process.exited).toMatchObject({ code: 0, stderr: '' })
    expect(agent.lines()).toContainEqual(expect.objectContaining({ msg: CANNOT, reason: 'the disk is full: make room there' }))
    expect(agent.lines().at(-1)).toMatchObject({ msg: 'stopped' })
    expect(readFileSync(log, 'utf8').endsWith('\n')).toBe(true)
  })

  it('at the start keeps no agent from starting', async (context) => {
    const log = join(mountMemory(context), 'agent.log')
    const empty = fill(dirname(log))
    await using agent = await startAgentProcess({ args: ['--log-file', log] })
    await agent.logged(({ msg, output }) => msg === CANNOT && output === log)
    const status = async () => (await fetch(`${agent.url('metrics')}/api/v1/status`)).text()
    expect(await status()).toContain('The log cannot be written: the disk is full: make room there')
    empty()
    await agent.logged(({ msg }) => msg === 'the log can be written again')
    expect(await status()).not.toContain('The log cannot be written')
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(log, 'utf8').split('\n').slice(0, -1)).toEqual(agent.log.map((line) => JSON.stringify(line)))
    expect((statSync(log).mode & 0o777).toString(8)).toBe('640')
  })
})

it('a limit on the size of files (ulimit -f) ends the log, not the agent', { timeout: 60_000 }, async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  const log = path('agent.log')
  await using node = await startNode(bitcoind, path())
  await using agent = await startLoggedAgent({ args: ['--bitcoind', bitcoind, '--verbose'], log, shell: `exec >>${log}; ulimit -f 64` })
  await attached(node)
  await node.command(`blocks ${MANY_BLOCKS} 4000`)
  await until(async () => ((await agent.scrape()).value(DROPPED_TOTAL, { output: 'stdout' }) ?? 0) > 0, 'lines to be dropped', 30_000)
  expect((await agent.scrape()).sum('bitcoin_blocks_connected_total')).toBe(MANY_BLOCKS)
  agent.process.kill('SIGTERM')
  expect(await agent.process.exited).toMatchObject({ code: 0, stderr: '' })
  expect(statSync(log).size).toBe(64 * 512)
})

it('a burst of lines costs none where they can be written', { timeout: 60_000 }, async () => {
  const { path, install } = stage()
  const [bitcoind, log] = [install('bitcoind'), path('agent.log')]
  await using node = await startNode(bitcoind, path())
  await using agent = await startLoggedAgent({ args: ['--bitcoind', bitcoind, '--verbose'], log, shell: `exec >>${log}` })
  await attached(node)
  await node.command(`blocks ${MANY_BLOCKS} 0`)
  await until(async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total') === MANY_BLOCKS, 'all blocks', 30_000)
  expect((await agent.scrape()).value(DROPPED_TOTAL, { output: 'stdout' })).toBe(0)
})

/** A pipe that somebody has open to read and does not. */
function stuckPipe(path: string): string {
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR)
  onTestFinished(() => closeSync(fd))
  return path
}

it.for([
  ['a pipe that blocks', 'true'],
  ['a pipe that does not', 'dd if=/dev/null oflag=nonblock status=none'],
] as const)('%s that nobody reads on holds up nothing, not even the end', { timeout: 60_000 }, async ([, prepare]) => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  const [pipe, log] = [stuckPipe(path('pipe')), path('agent.log')]
  await using node = await startNode(bitcoind, path())
  const args = ['--bitcoind', bitcoind, '--verbose', '--log-file', log]
  await using agent = await startLoggedAgent({ args, log, shell: `exec >${pipe}; ${prepare}` })
  await attached(node)
  await node.command(`blocks ${MANY_BLOCKS} 4000`)
  await until(async () => ((await agent.scrape()).value(DROPPED_TOTAL, { output: 'stdout' }) ?? 0) > 0, 'lines to be dropped', 30_000)
  const page = await agent.scrape()
  expect(page.sum('bitcoin_blocks_connected_total')).toBe(MANY_BLOCKS)
  expect(page.value(DROPPED_TOTAL, { output: 'file' })).toBe(0)
  expect(await agent.isHealthy()).toBe(true)
  expect(await agent.logged(CANNOT)).toMatchObject({ output: 'standard output', reason: 'its reader, or its disk, stands still' })

  const start = performance.now()
  agent.process.kill('SIGTERM')
  expect(await agent.process.exited).toMatchObject({ code: 0, stderr: '' })
  expect(performance.now() - start).toBeLessThan(3_000)
  expect(agent.lines().at(-1)).toMatchObject({ msg: 'stopped' })
})

it('an agent that cannot start says so and ends, though nobody reads its standard output', async () => {
  const { path } = stage()
  const pipe = stuckPipe(path('pipe'))
  const fill = `dd if=/dev/zero of=${pipe} bs=65536 count=1 2>/dev/null`
  const command = ['sh', '-c', `${fill}; exec >${pipe}; exec "$0" "$@"`, bundle] as const
  await using agent = await startAgentProcess({
    command: [...command],
    args: ['--bitcoind', '/nonesuch', '--no-wait'],
    untilListening: false,
  })
  expect(await agent.exited).toMatchObject({ code: 1, stderr: expect.stringContaining('/nonesuch does not exist') })
})

it('an agent that cannot start gives its reason in the log, too', async () => {
  await using agent = await startAgentProcess({ args: ['--bitcoind', '/nonesuch', '--no-wait'], untilListening: false })
  const { code, stderr } = await agent.exited
  const [, reason] = /^fibre-agent: (\/nonesuch does not exist.*)\n$/.exec(stderr) ?? []
  expect(agent.log.at(-1)).toMatchObject({ level: 'error', reason, msg: 'the agent cannot start' })
  expect(agent.log.map(({ msg }) => msg)).not.toContain('stopped')
  expect(code).toBe(1)
})

it('warnings of Node.js go to the log, and nobody has to read standard error', { timeout: 60_000 }, async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  const webhook = ['--alert-webhook-url', 'https://127.0.0.1:9/', '--slow-threshold-ms', '0.001']
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({
    args: ['--bitcoind', bitcoind, ...webhook],
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  })
  await attached(node)
  await node.command('blocks 1')
  expect(await agent.logged(({ msg }) => msg === 'Node.js warns')).toMatchObject({
    level: 'warn',
    reason: expect.stringContaining('insecure'),
  })
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
})

describe('SIGHUP', () => {
  const logTo = (log: string) => startAgentProcess({ args: ['--log-file', log] })
  const textOf = (file: string) => readFileSync(file, 'utf8')

  it('goes on in a new file, after the old one was renamed', async () => {
    const { path } = stage()
    const log = path('agent.log')
    await using agent = await logTo(log)
    renameSync(log, `${log}.1`)
    agent.kill('SIGHUP')
    await until(() => statSync(log, { throwIfNoEntry: false }) !== undefined, 'the new file')
    agent.kill('SIGTERM')
    await agent.exited
    expect(textOf(`${log}.1`) + textOf(log)).toBe(agent.log.map((line) => `${JSON.stringify(line)}\n`).join(''))
    expect(textOf(log)).toContain('"stopped"')
  })

  it('goes on in the old file where a new one cannot be made, says so once, and tries again', async () => {
    const { path } = stage()
    const log = path('folder', 'agent.log')
    mkdirSync(path('folder'))
    await using agent = await logTo(log)
    renameSync(path('folder'), path('away'))
    for (let i = 0; i < 2; i++) {
      agent.kill('SIGHUP')
      await agent.logged(({ msg }) => msg === STUCK)
    }
    mkdirSync(path('folder'))
    await agent.logged(({ msg }) => msg === 'the log file has been opened anew')
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
    expect(textOf(path('away', 'agent.log'))).toContain(STUCK)
    expect(textOf(log)).toContain('"stopped"')
    expect(agent.log.filter(({ msg }) => msg === STUCK)).toHaveLength(1)
  })

  it('where no descriptor is left changes nothing', async () => {
    const { path } = stage()
    const log = path('agent.log')
    await using agent = await logTo(log)
    execFileSync('prlimit', ['--pid', String(agent.pid), '--nofile=20:20'])
    agent.kill('SIGHUP')
    expect(await agent.logged(({ msg }) => msg === STUCK)).toMatchObject({ reason: expect.stringContaining('too many files open') })
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
    expect(textOf(log)).toContain('"stopped"')
  })
})

it('a log file that was deleted is made anew with the next line, and that is logged once', async () => {
  const { path } = stage()
  const log = path('agent.log')
  await using agent = await startAgentProcess({ args: ['--log-file', log] })
  await until(() => readFileSync(log, 'utf8').includes('no bitcoind is running'), 'the last line of the start')
  rmSync(log)
  agent.kill('SIGTERM')
  await agent.exited
  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ msg }) => msg).toSorted()).toEqual(['stopped', 'the log file was deleted; going on in a new one'])
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', output: log }))
})

it.for([
  ['a pipe', (path: string) => execFileSync('mkfifo', [path]), 'it is no regular file'],
  ['a device', (path: string) => execFileSync('mknod', [path, 'c', '1', '7']), 'it is no regular file'],
  ['a link', (path: string) => execFileSync('ln', ['-s', '/etc/passwd', path]), 'it is a symbolic link'],
] as const)('%s that takes the place of the log file is not written to', async ([, make, reason]) => {
  const { path } = stage()
  const [log, passwd] = [path('agent.log'), readFileSync('/etc/passwd', 'utf8')]
  await using agent = await startAgentProcess({ args: ['--log-file', log] })
  renameSync(log, `${log}.1`)
  make(log)
  agent.kill('SIGHUP')
  expect(await agent.logged(({ msg }) => msg === STUCK)).toMatchObject({ output: log, reason: expect.stringContaining(reason) })
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
  expect(readFileSync('/etc/passwd', 'utf8')).toBe(passwd)
})
