import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { bundle, searchPath, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
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
