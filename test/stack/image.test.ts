import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { startDemoNode } from '../demo-node/demo-node.ts'
import { searchPath, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { attached, ended, readiness, stage } from '../harness/stage.ts'

const root = join(import.meta.dirname, '../..')
const NOBODY = '65534'

const [, ...stages] = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split(/^FROM .*$/m)
/** Instructions of the last stage, which makes the image itself. */
const instructions = (stages.at(-1) as string).split('\n').filter((line) => line !== '')

const argumentsOf = (name: string) => instructions.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1))

/** Files and folders of this checkout that the image is built from. */
function buildInputs(): readonly string[] {
  const [build = ''] = stages
  return [...build.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '))
}

/** Puts what the image holds of ours into a folder, `/app` being that folder. */
function install(folder: string): void {
  mkdirSync(folder)
  for (const copy of argumentsOf('COPY')) {
    const [from, ...words] = copy.split(' ')
    expect(from).toBe('--from=build')
    const to = words.pop()?.replace('/app', folder) as string
    for (const source of words.map((word) => word.replace('/src', root)))
      cpSync(source, to.endsWith('/') ? join(to, basename(source)) : to, { recursive: statSync(source).isDirectory() })
  }
}

const entrypoint = (folder: string): [string, ...string[]] => JSON.parse(argumentsOf('ENTRYPOINT')[0]?.replace('/app', folder) as string)

/** Runs a command line of the image with this Node.js. */
function run([program, ...words]: readonly string[], args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(program as string, [...words, ...args], {
    env: { PATH: searchPath, ...env },
    encoding: 'utf8',
  })
}

describe('the image', () => {
  it('holds all that the agent needs to run', () => {
    const folder = stage().path('app')
    install(folder)
    expect(run(entrypoint(folder), ['--version'])).toMatchObject({ status: 0, stdout: expect.stringContaining(manifest.version) })
    expect(run(entrypoint(folder), ['--config.check'])).toMatchObject({ status: 0, stderr: '' })
  })

  it('is built from files that .dockerignore lets through', () => {
    const admitted = readFileSync(join(root, '.dockerignore'), 'utf8').match(/(?<=^!).*/gm)
    expect(buildInputs()).toContain('setup.sh')
    expect(admitted).toEqual(buildInputs())
  })

  it('is built from those files alone, without the demo node', () => {
    const folder = stage().folder('src')
    for (const input of buildInputs()) cpSync(join(root, input), join(folder, input), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const { status, stderr } = spawnSync('sh', ['setup.sh'], { cwd: folder, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'Building ...\n' })
    const built = readdirSync(join(folder, 'dist'))
    expect(built).toEqual(expect.arrayContaining(['agent.cjs', 'main.cjs', 'main.cjs.cache', 'usdt.bpf.o']))
    expect(built).not.toContain('demo-node')
    expect(run([join(folder, 'dist/agent.cjs'), '--version']).stdout).toContain(manifest.version)
  })

  it('is built from one exact version of Node.js, and runs as a user other than root, by number', () => {
    expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-bookworm-slim$/m)
    expect(argumentsOf('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)])
  })

  it('starts with the settings that compose.yaml gives it', () => {
    const { path, folder } = stage()
    install(path('app'))
    writeFileSync(path('password'), 'secret')
    const place = (value: string) =>
      value.replace(/^\/run\/secrets\/\w+$/, path('password')).replace(/^\/var\/log\/fibre-agent/, folder('log'))
    const { services } = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true })
    for (const name of ['agent', 'agent-scrape']) {
      const settings = Object.entries<string>(services[name].environment).map(([key, value]) => [key, place(value)])
      const { status, stdout, stderr } = run(entrypoint(path('app')), ['--config.check'], Object.fromEntries(settings))
      expect({ status, stderr, warnings: stdout.match(/^# warning.*/gm) }, name).toEqual({ status: 0, stderr: '', warnings: null })
    }
  })

  it('measures bitcoind as its user, with the capabilities that its container has', async (context) => {
    requireBpf(context)
    need(context, spawnSync('setcap', ['-h']).error === undefined, 'it takes setcap (Debian: libcap2-bin)')
    const { path, install: installNode } = stage()
    install(path('app'))
    copyFileSync(process.execPath, path('app/node'))
    const [, capabilities] = /setcap (\S+) \/usr\/local\/bin\/node/.exec(instructions.join('\n')) ?? []
    expect(spawnSync('setcap', [capabilities as string, path('app/node')]).status).toBe(0)

    // As Docker does it for a user other than root: the capabilities are in the bounding set and nowhere else. `env` is one execve without any.
    const asNobody = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'] as const
    const found = `PATH=${path('app')}:${process.env.PATH}`
    const container = ['setpriv', ...asNobody, '--bounding-set', '-all,+bpf,+perfmon', 'env', found, ...entrypoint(path('app'))] as const
    const bitcoind = installNode('bitcoind')
    await using node = await startDemoNode({ binary: 'setpriv', args: [...asNobody, bitcoind, '--control'] })
    await using agent = await startAgentProcess({ command: container, args: ['--bitcoind', bitcoind] })
    await attached(node)
    await node.command('blocks 20')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total')).toBe(20)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })

    const { port } = new URL(agent.url('health'))
    const [healthcheck = []] = argumentsOf('HEALTHCHECK').map(
      (text) => JSON.parse(text.slice(text.indexOf('[')).replace('/app', path('app'))) as string[],
    )
    const isHealthy = () => run(healthcheck, [], { FIBRE_HEALTH_PORT: port }).status === 0
    expect(isHealthy()).toBe(true)
    agent.kill()
    await agent.exited
    expect(isHealthy()).toBe(false)
    expect(await ended(node)).toEqual({ code: 0, signal: null })
  })
})
