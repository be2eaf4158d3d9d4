import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundle, startAgentProcess } from '../harness/agent.ts'
import { mountMemory } from '../harness/mounted.ts'
import { need } from '../harness/needs.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { installAgent } from './installation.ts'

const events = join(import.meta.dirname, '../fixtures/events.jsonl')

/** The command to run an agent beside which there is no koffi. */
function withoutKoffi(): readonly [string, ...string[]] {
  const folder = stage().path('agent')
  const command = installAgent(folder)
  rmSync(join(folder, 'node_modules'), { recursive: true })
  return command
}

/** The command to run an agent that does not see the machine's libbpf. */
function withoutLibbpf(context: Parameters<typeof mountMemory>[0]): readonly [string, ...string[]] {
  const [library] = globSync(['/usr/lib/*/libbpf.so.1', '/usr/lib/libbpf.so.1', '/usr/lib64/libbpf.so.1'])
  need(context, library !== undefined, 'libbpf.so.1 is not where distributions put it')
  const libraries = dirname(library as string)
  const memory = mountMemory(context, '1m')
  for (const folder of ['upper', 'work']) mkdirSync(join(memory, folder))
  execFileSync('mknod', [join(memory, 'upper', 'libbpf.so.1'), 'c', '0', '0']) // how overlayfs marks what is not there
  const layers = `lowerdir=${libraries},upperdir=${memory}/upper,workdir=${memory}/work`
  const script = `mount -t overlay -o ${layers} overlay ${libraries} && exec "$@"`
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', process.execPath, bundle]
}

const run = ([program, ...words]: readonly [string, ...string[]], args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(program, [...words, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe.each([
  {
    library: 'koffi',
    without: withoutKoffi,
    reason: /^fibre-agent: koffi, .* cannot be loaded \(Cannot find module 'koffi'\): install .*\n$/,
  },
  {
    library: 'libbpf',
    without: withoutLibbpf,
    reason:
      /^fibre-agent: libbpf\.so\.1 \(.*\) cannot be loaded: install the package libbpf1 \(Debian, Ubuntu, .*\) or libbpf \(Fedora, .*Alpine\)/,
  },
])('where $library is missing', ({ library, without, reason }) => {
  it('the agent names it and the way to get it, and ends', (context) => {
    const { status, stderr } = run(without(context), ['--journal', 'none', '--port', '0', '--health-port', '0'])
    expect(stderr).toMatch(reason)
    expect(status).toBe(1)
  })

  it('commands that do not measure work', (context) => {
    const command = without(context)
    expect(run(command, ['--version'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^fibre-agent \d/) })
    expect(run(command, ['--help'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage:/) })
    expect(run(command, ['blocks', '--help'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage:/) })
    expect(run(command, ['blocks', '--journal', '/nonexistent']).stderr).toMatch(/there is no journal/)
    expect(run(command, ['health', '--port', '1', '--health-port', '1']).stderr).toMatch(/no answer from/)
  })

  it('a recording is measured', async (context) => {
    const args = ['replay', events, '--speed', '1000', '--port', '0', '--health-port', '0']
    await using agent = await startAgentProcess({ command: without(context), args, ports: false })
    await agent.logged(({ msg }) => msg === 'replayed')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total', { node: 'A' })).toBeGreaterThan(0)
    const names = new Set(scrape.samples.map(({ name }) => name))
    expect(names).toContain('process_open_fds')
    expect(names.has('fibre_exporter_clock_error_seconds')).toBe(library !== 'koffi') // the one gauge that takes it
    await until(() => agent.log.filter(({ metric }) => metric !== undefined).length === (library === 'koffi' ? 1 : 0), 'what it says of it')
  })
})
