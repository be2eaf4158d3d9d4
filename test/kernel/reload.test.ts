import { copyFileSync, writeFileSync } from 'node:fs'
import { beforeEach, expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { readinessJson, stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { certificate } from '../unit/settings/settings.ts'

beforeEach(requireBpf)

it('SIGHUP reads the password file anew, and keeps the old password when there is none in it', async () => {
  const { path, install } = stage()
  const file = path('password')
  writeFileSync(file, 'old\n')
  const env = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD_FILE: file }
  await using agent = await startAgentProcess({ args: ['--bitcoind', install('bitcoind')], env })
  const status = async (password: string) =>
    (await fetch(`${agent.url('metrics')}/metrics`, { headers: { Authorization: `Basic ${btoa(`ann:${password}`)}` } })).status
  const reload = async (content: string, level: string) => {
    const lines = () => agent.log.filter(({ msg }) => msg.startsWith('password '))
    const before = lines().length
    writeFileSync(file, content)
    agent.kill('SIGHUP')
    await until(() => lines().length > before, 'a line in the log')
    expect(lines().slice(before)).toMatchObject([{ level }])
    expect(JSON.stringify(agent.log)).not.toContain('n3w')
  }

  expect([await status('old'), await status('n3w')]).toEqual([200, 401])
  await reload('n3w\n', 'info')
  expect([await status('old'), await status('n3w')]).toEqual([401, 200])
  await reload('', 'error')
  expect(await status('n3w')).toBe(200)
})

it('SIGHUP with a certificate that cannot be served logs a line, without a stack', async () => {
  const { path, install } = stage()
  const { cert, key } = certificate()
  copyFileSync(cert, path('cert.pem'))
  const env = { FIBRE_TLS_CERT: path('cert.pem'), FIBRE_TLS_KEY: key }
  await using agent = await startAgentProcess({ args: ['--bitcoind', install('bitcoind')], env })
  writeFileSync(path('cert.pem'), 'nonsense')
  agent.kill('SIGHUP')
  const lines = () => agent.log.filter(({ msg }) => msg.startsWith('certificate '))
  await until(() => lines().length >= 1, 'a line in the log')
  expect(lines()).toEqual([
    {
      level: 'error',
      time: expect.any(String),
      reason: expect.stringContaining(path('cert.pem')),
      msg: 'certificate not reloaded, still serving the old one',
    },
  ])
})

it('SIGHUP reads the configuration file anew: it takes what it can, and names what takes a restart, without values', async () => {
  const { path, install } = stage()
  const write = (text: string) => writeFileSync(path('config.yaml'), text)
  write('metrics_auth_username: ann\nmetrics_auth_password: 0ld\n')
  await using agent = await startAgentProcess({ args: ['--bitcoind', install('bitcoind'), '--config', path('config.yaml')] })
  const status = async (password: string) =>
    (await fetch(`${agent.url('metrics')}/metrics`, { headers: { Authorization: `Basic ${btoa(`ann:${password}`)}` } })).status
  const said = (start: string) => agent.log.filter(({ msg }) => msg.startsWith(start))
  expect(await status('0ld')).toBe(200)

  write('metrics_auth_username: ann\nmetrics_auth_password: n3w\nslow_threshold_ms: 70\nnode_name: b\nlog_level: DEBUG\n')
  agent.kill('SIGHUP')
  await until(() => said('changed settings').length > 0, 'a line in the log')
  await until(async () => (await status('n3w')) === 200, 'the new password')
  expect(await status('0ld')).toBe(401)
  expect(said('settings reloaded')).toMatchObject([{ level: 'info', settings: ['metrics_auth_password', 'log_level'] }])
  expect(said('changed settings')).toMatchObject([{ level: 'warn', settings: ['node_name', 'slow_threshold_ms'] }])

  write('metrics_auth_pasword: n3w\n')
  agent.kill('SIGHUP')
  await until(() => said('settings not reloaded').length > 0, 'a line in the log')
  expect(said('settings not reloaded')[0]).toMatchObject({ level: 'error', problems: [expect.stringContaining('metrics_auth_password')] })
  expect(await status('n3w')).toBe(200)
  const warnings = async () => {
    const { body } = await readinessJson(agent)
    return body.warnings.filter((text) => text.includes('settings'))
  }
  expect(await warnings()).toEqual([
    expect.stringMatching(/^The settings cannot be read anew, still using the old ones: .*metrics_auth_pasword/),
  ])
  write('metrics_auth_username: ann\nmetrics_auth_password: n3w\n')
  agent.kill('SIGHUP')
  await until(async () => (await warnings()).length === 0, 'the warning to end')
  expect(JSON.stringify(agent.log)).not.toMatch(/0ld|n3w/)
})
