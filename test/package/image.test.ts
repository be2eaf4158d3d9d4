import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, ended, readiness, stage } from '../harness/stage.ts'
import { buildImage, type ContainerOptions, type Image, inContainer } from './image.ts'
import { blocks } from './page.ts'

const checkout = join(import.meta.dirname, '../..')
const NOBODY = '65534'

let image: Image

beforeAll(async () => {
  image = await buildImage()
}, 900_000)
afterAll(() => image[Symbol.dispose]())

/** The rights that `docker run` on the installation page gives, and its environment. */
function dockerRun(): ContainerOptions & { readonly tag: string; readonly env: Readonly<Record<string, string>> } {
  const [, words = ''] = /docker run ((?:.*\\\n)*.*)$/m.exec(blocks.map(({ commands }) => commands).join('\n')) ?? []
  const one = { type: 'string' } as const
  const many = { ...one, multiple: true } as const
  const { values, positionals } = parseArgs({
    args: words
      .replaceAll('\\\n', ' ')
      .replaceAll('"', '')
      .replaceAll(/\$\(id -. bitcoin\)/g, NOBODY)
      .split(/\s+/),
    allowPositionals: true,
    options: {
      detach: { type: 'boolean' },
      'read-only': { type: 'boolean' },
      ...{ name: one, restart: one, pid: one, user: one, 'cap-drop': one, 'security-opt': one, tmpfs: one, publish: one },
      ...{ 'cap-add': many, env: many },
    },
  })
  expect(values).toMatchObject({ pid: 'host', 'cap-drop': 'ALL', 'read-only': true, tmpfs: '/var/lib/fibre-agent:mode=1777' })
  return {
    tag: positionals.join(' '),
    user: values.user ?? '',
    capabilities: values['cap-add'] ?? [],
    env: Object.fromEntries((values.env ?? []).map((assignment) => assignment.split('=', 2))),
  }
}

const inImage = (options: ContainerOptions, ...words: readonly string[]): readonly [string, ...string[]] => [
  ...inContainer(image, options),
  ...words,
]

function run(options: ContainerOptions, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [program, ...args] = inImage(options, ...words)
  const { status, stdout, stderr } = spawnSync(program, args, { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('the image, built from the Dockerfile', () => {
  it('is one exact version of its bases, and has the tag of this version on the installation page', () => {
    const bases = [...readFileSync(join(checkout, 'Dockerfile'), 'utf8').matchAll(/^ARG \w+_IMAGE=(.*)$/gm)].map(([, base]) => base)
    expect(bases).toEqual([expect.stringMatching(/^node:\d+\.\d+\.\d+-bookworm-slim$/), expect.stringMatching(/^debian:\d+\.\d+-slim$/)])
    expect(dockerRun().tag).toBe(`fibre-agent:${manifest.version}`)
    expect(blocks.map(({ commands }) => commands).join('\n')).toMatch(
      new RegExp(`^docker build --tag ${RegExp.escape(dockerRun().tag)} \\.$`, 'm'),
    )
  })

  it('runs the agent as a user other than root, by number', () => {
    const { User, Entrypoint, ExposedPorts } = image.config
    expect(User).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(Object.keys(ExposedPorts).sort()).toEqual(['9435/tcp', '9436/tcp'])
    expect(run({ user: User, capabilities: ['BPF', 'PERFMON'] }, [...Entrypoint, 'version'])).toEqual({
      status: 0,
      stdout: `fibre-agent ${manifest.version}\n`,
      stderr: '',
    })
    expect(run({ user: User, capabilities: ['BPF'] }, [...Entrypoint, 'version'])).toMatchObject({
      status: 126,
      stderr: expect.stringContaining('Operation not permitted'),
    })
  })

  it('takes the settings that compose.yaml and the Kubernetes manifests give it', () => {
    const { services } = parse(readFileSync(join(checkout, 'compose.yaml'), 'utf8'), { merge: true })
    // The folders and files that compose.yaml and Kubernetes mount.
    const mounted = (value: string) => value.replace(/^\/run\/secrets\/.*/, '/etc/os-release').replace('/var/log/', '/var/lib/')
    const manifests = ['sidecar', 'daemonset'].map((name) => {
      const [content] = parseAllDocuments(readFileSync(join(checkout, `agent/packaging/kubernetes/${name}.yaml`), 'utf8')).slice(-1)
      const variables: { name: string; value?: string }[] = content?.toJS().spec.template.spec.containers[0].env
      return Object.fromEntries(variables.map(({ name, value = 'alpha' }) => [name, mounted(value)]))
    })
    const composed = ['agent', 'agent-scrape'].map((name) =>
      Object.fromEntries(Object.entries<string>(services[name].environment).map(([key, value]) => [key, mounted(value)])),
    )
    for (const env of [...composed, ...manifests]) {
      const checked = run(dockerRun(), [...image.config.Entrypoint, '--config.check'], env)
      expect({ ...checked, stdout: checked.stdout.match(/^# warning.*/gm) }, JSON.stringify(env)).toEqual({
        status: 0,
        stdout: null,
        stderr: '',
      })
    }
  })

  it.for([
    ['the options of docker run on the installation page', (): ContainerOptions => dockerRun()] as const,
    [
      'the rights of the DaemonSet',
      (): ContainerOptions => ({ user: '0:0', capabilities: ['BPF', 'PERFMON', 'SYS_PTRACE'], noNewPrivileges: true }),
    ] as const,
  ])('measures a bitcoind of another container with %s, and is asked for its health', async ([, options], context) => {
    requireBpf(context)
    const { install: installNode } = stage()
    const bitcoind = installNode('bitcoind')
    await using node = await startDemoNode({
      binary: 'setpriv',
      args: ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', bitcoind, '--control'],
    })
    await using agent = await startAgentProcess({
      command: inImage(options(), ...image.config.Entrypoint) as [string, ...string[]],
      args: ['--bitcoind', bitcoind],
    })
    await attached(node)
    await node.command('blocks 20')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total')).toBe(20)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })

    const [kind, ...healthcheck] = image.config.Healthcheck.Test
    expect(kind).toBe('CMD')
    const isHealthy = () => run(options(), healthcheck, { FIBRE_HEALTH_PORT: new URL(agent.url('health')).port }).status === 0
    expect(isHealthy()).toBe(true)
    agent.kill()
    await agent.exited
    expect(isHealthy()).toBe(false)
    expect(await ended(node)).toEqual({ code: 0, signal: null })
  })
})
