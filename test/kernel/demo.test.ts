import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { need } from '../harness/needs.ts'
import { Scrape } from '../harness/scrape.ts'
import { until } from '../harness/until.ts'

const root = join(import.meta.dirname, '../..')

it('shows blocks as they come with `npm run demo`, serves them, and ends on Ctrl-C with nothing left behind', async (context) => {
  need(context, process.getuid?.() === 0, 'tracing takes root')
  const npm = spawn('npm', ['run', '--silent', 'demo', '--', '--port', '0', '--health-port', '0', '--no-wait'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let faults = ''
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  npm.stderr.setEncoding('utf8').on('data', (text: string) => {
    faults += text
  })
  const exited = once(npm, 'close')
  try {
    await until(() => /^90000[2-9] /m.test(output) || npm.exitCode !== null, 'the third block', 60_000)
    expect(faults.replace(/^Building .*\n/gm, '')).toBe('')

    const page = (path: RegExp) => path.exec(output)?.[0] ?? ''
    expect(await (await fetch(page(/http:\S+\/ready/))).text()).toBe('OK')

    // A node that stands still: what is counted and what is shown come to rest.
    const node = Number(/\(pid (\d+)\)/.exec(output)?.[1])
    process.kill(node, 'SIGSTOP')
    const counted = async () => new Scrape(await (await fetch(page(/http:\S+\/metrics/))).text())
    const races = async () => (await counted()).sum('fibre_block_race_wins_total', { node: 'demo' })
    const shown = () => output.match(/^90000\d .*(FIBRE|compact block|other)/gm)?.length
    try {
      await until(async () => (await races()) === shown(), 'as many lines as races')
      expect((await counted()).value('bitcoin_blocks_connected_total', { node: 'demo' })).toBeGreaterThanOrEqual(3)
    } finally {
      process.kill(node, 'SIGCONT')
    }

    const log = /\S+debug\.log/.exec(output)?.[0] ?? ''
    expect([existsSync(`/proc/${node}`), existsSync(log)]).toEqual([true, true])
    npm.kill('SIGINT')
    expect(await exited).toEqual([0, null])
    expect([existsSync(`/proc/${node}`), existsSync(log)]).toEqual([false, false])
  } finally {
    npm.kill('SIGTERM')
    await exited
  }
})

it('shows blocks of a node of Bitcoin Core with `npm run demo -- --stock`', async (context) => {
  need(context, process.getuid?.() === 0, 'tracing takes root')
  const npm = spawn('npm', ['run', '--silent', 'demo', '--', '--stock', '--port', '0', '--health-port', '0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const exited = once(npm, 'close')
  try {
    await until(() => /^90000[12] /m.test(output) || npm.exitCode !== null, 'the second block', 60_000)
    const metrics = async () => new Scrape(await (await fetch(/http:\S+\/metrics/.exec(output)?.[0] ?? '')).text())
    await until(async () => (await metrics()).sum('bitcoin_mempool_added_total', { node: 'demo' }) > 50, 'transactions')
    expect((await metrics()).value('bitcoin_blocks_connected_total', { node: 'demo' })).toBeGreaterThanOrEqual(2)
    expect((await metrics()).value('fibre_exporter_probe_attached', { probe: 'block_race_time' })).toBeUndefined()
    await until(() => / ms +(–|\d+ transactions) +[2-9] peers, second \d+\.\d ms later$/m.test(output), 'a block that peers announced')
    expect(output).toMatch(/^height +how it came +connected after +requested +announced by$/m)
    npm.kill('SIGINT')
    expect(await exited).toEqual([0, null])
  } finally {
    npm.kill('SIGTERM')
    await exited
  }
})

it.each([
  [['--help'], 0, /^Usage: npm run demo .*--port N\n.*beside an agent/s, ''],
  [['--prot', '1'], 2, /^$/, '--prot: there is no such flag; did you mean --port?'],
])('does not run with %j', (args, status, out, err) => {
  const demo = spawnSync('npm', ['run', '--silent', 'demo', '--', ...args], { cwd: root, encoding: 'utf8' })
  expect(demo).toMatchObject({ status, stdout: expect.stringMatching(out), stderr: expect.stringContaining(err) })
})
