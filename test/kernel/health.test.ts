import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { beforeEach, describe, expect, it } from 'vitest'
import { bundle, searchPath, startAgentProcess } from '../harness/agent.ts'
import { freePorts } from '../harness/free-ports.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { certificate } from '../unit/settings/settings.ts'

beforeEach(requireBpf)

/** Runs `fibre-agent health` with the environment given and nothing else. */
function health(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(bundle, ['health', ...args], { env: { PATH: searchPath, ...env }, encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('fibre-agent health', () => {
  it.for([
    ['plainly', () => ({})],
    ['on another address', () => ({ FIBRE_LISTEN_ADDRESS: '127.0.0.5' })],
    ['on IPv6', () => ({ FIBRE_LISTEN_ADDRESS: '::1' })],
    ['on all addresses', () => ({ FIBRE_LISTEN_ADDRESS: '0.0.0.0' })],
    ['on all addresses of IPv6', () => ({ FIBRE_LISTEN_ADDRESS: '::' })],
    ['metrics with a password', () => ({ FIBRE_METRICS_AUTH_USERNAME: 'prometheus', FIBRE_METRICS_AUTH_PASSWORD: 'secret' })],
    [
      'with TLS',
      () => {
        const { cert, key } = certificate()
        return { FIBRE_TLS_CERT: cert, FIBRE_TLS_KEY: key }
      },
    ],
  ] satisfies [string, () => Record<string, string>][])('asks an agent that serves %s', async ([, settings]) => {
    const at = stage()
    const env: Record<string, string> = settings()
    await using agent = await startAgentProcess({ args: ['--bitcoind', at.install('bitcoind')], env })
    const { port } = new URL(agent.url('health'))
    writeFileSync(at.path('port.yaml'), `health_port: ${port}\n`)

    const healthy = { status: 0, stdout: 'OK\n', stderr: '' }
    expect(health([], { ...env, FIBRE_HEALTH_PORT: port })).toEqual(healthy)
    expect(health(['--health-port', port], env)).toEqual(healthy)
    expect(health([], { ...env, FIBRE_CONFIG: at.path('port.yaml') })).toEqual(healthy)
    const { status, stdout } = health(['--ready', `--health-port=${port}`], env)
    expect(status).toBe(1)
    expect(stdout).toContain('bitcoind')

    agent.kill()
    await agent.exited
    expect(health([], { ...env, FIBRE_HEALTH_PORT: port })).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^fibre-agent: health: no answer from https?:.*\/health: .*ECONNREFUSED/),
    })
  })

  it.each(['127.0.0.1', '[::1]'])('asks on %s an agent that listens on all addresses of both kinds', async (host) => {
    const { install } = stage()
    const [port, healthPort] = await freePorts(2)
    const args = ['--bitcoind', install('bitcoind'), '--port', `${port}`, '--health-port', `${healthPort}`]
    await using agent = await startAgentProcess({ args: [...args, '--listen-address=0.0.0.0', '--listen-address=::'], ports: false })
    await until(() => agent.log.filter(({ msg }) => msg === 'listening').length === 4, 'four listeners')
    expect((await fetch(`http://${host}:${port}/metrics`)).status).toBe(200)
    expect(health(['--health-port', `${healthPort}`, '--listen-address', host])).toEqual({ status: 0, stdout: 'OK\n', stderr: '' })
  })

  it('--ready ends with 0 when all is measured', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node)
    expect(health(['--ready', '--health-port', new URL(agent.url('health')).port])).toEqual({ status: 0, stdout: 'OK\n', stderr: '' })
  })

  it('says what it cannot know, and what it is', () => {
    expect(health(['--health-port', '0'])).toMatchObject({ status: 1, stderr: expect.stringContaining('give it a port') })
    expect(health(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Usage: fibre-agent health') })
    expect(health(['--helth-port', '1'])).toMatchObject({ status: 2, stderr: expect.stringContaining('--helth-port') })
  })
})

describe('on a unix socket', () => {
  it('the agent serves metrics with a password and health without, and replaces one that a killed agent left behind', async () => {
    const { path, install } = stage()
    const socket = path('agent.sock')
    const env = { FIBRE_LISTEN_ADDRESS: `127.0.0.1,unix:${socket}`, FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD: 'x' }
    const args = ['--bitcoind', install('bitcoind')]
    const ask = async (asked: string, headers = {}) => {
      const [response] = await once(get({ socketPath: socket, path: asked, agent: false, headers }), 'response')
      response.resume()
      return response.statusCode
    }
    const first = await startAgentProcess({ args, env })
    await until(() => first.log.some(({ server }) => server === 'socket'), 'the socket')
    expect(statSync(socket).mode & 0o777).toBe(0o660)
    const authorized = { Authorization: `Basic ${btoa('ann:x')}` }
    expect([await ask('/health'), await ask('/metrics'), await ask('/metrics', authorized), await ask('/', authorized)]).toEqual([
      ...[200, 401, 200, 200],
    ])
    expect(health([], { ...env, FIBRE_LISTEN_ADDRESS: `unix:${socket}` })).toEqual({ status: 0, stdout: 'OK\n', stderr: '' })
    expect(health(['--health-port', '0'], env)).toEqual({ status: 0, stdout: 'OK\n', stderr: '' })

    const second = await startAgentProcess({ args, env, untilListening: false })
    await second.exited
    expect(second.log).toEqual(expect.arrayContaining([expect.objectContaining({ msg: 'the agent cannot start' })]))
    expect(await ask('/health')).toBe(200)

    first.kill('SIGKILL')
    await first.exited
    expect(existsSync(socket)).toBe(true)
    const left = health([], { ...env, FIBRE_LISTEN_ADDRESS: `unix:${socket}` })
    expect(left).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`no answer from unix:${socket}:/health: connect ECONNREFUSED`),
    })
    await using third = await startAgentProcess({ args, env: { ...env, FIBRE_LISTEN_ADDRESS: `unix:${socket}` }, untilListening: false })
    await until(() => third.log.some(({ server }) => server === 'socket'), 'the socket')
    expect(await ask('/health')).toBe(200)
    expect(third.log.filter(({ msg }) => msg === 'listening')).toHaveLength(1)
  })
})
