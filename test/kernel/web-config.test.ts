import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { json, text } from 'node:stream/consumers'
import { hashSync } from 'bcryptjs'
import { beforeEach, expect, it } from 'vitest'
import { bundle, searchPath, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { certificate } from '../unit/settings/settings.ts'

beforeEach(requireBpf)

async function ask(url: string, user?: string, accept = '*/*') {
  const request = get(url, { rejectUnauthorized: false, agent: false, headers: { accept }, ...(user && { auth: user }) })
  const [response] = await once(request, 'response')
  return response
}

it('a web configuration file: HTTPS, users by bcrypt, health without a password; a broken one is told once and changes nothing', async () => {
  const { path, install } = stage()
  const { cert, key } = certificate()
  const file = (users: string) =>
    writeFileSync(path('web.yml'), `tls_server_config: { cert_file: ${cert}, key_file: ${key} }\nbasic_auth_users: { ${users} }\n`)
  file(`ann: ${hashSync('0ne', 10)}`)
  const args = ['--bitcoind', install('bitcoind'), '--web.config.file', path('web.yml')]
  await using agent = await startAgentProcess({ args })
  const [metrics, health] = [agent.url('metrics'), agent.url('health')]
  const status = async (user?: string) => {
    const response = await ask(`${metrics}/metrics`, user)
    await text(response)
    return response.statusCode
  }
  expect(metrics).toMatch(/^https:/)
  expect([await status(), await status('ann:0ne'), await status('ann:tw0'), await status('eve:0ne')]).toEqual([401, 200, 401, 401])
  const { port } = new URL(health)
  const asked = spawnSync(bundle, ['health', '--health-port', port, '--web.config.file', path('web.yml')], {
    env: { PATH: searchPath },
    encoding: 'utf8',
  })
  expect(asked).toMatchObject({ status: 0, stdout: 'OK\n', stderr: '' })

  file('ann: tw0')
  const broken = () => agent.log.filter(({ level }) => level === 'error')
  await until(async () => (await status('ann:0ne')) === 200 && broken().length > 0, 'a line in the log')
  const { warnings } = (await json(await ask(`${health}/ready`, undefined, 'application/json'))) as { readonly warnings: readonly string[] }
  expect(warnings).toEqual([expect.stringMatching(/^The web configuration cannot be read anew, still using the old one: .*web\.yml:2:21/)])
  file(`ann: ${hashSync('tw0', 10)}`)
  await until(async () => (await status('ann:tw0')) === 200, 'the new password')
  expect(await status('ann:0ne')).toBe(401)
  expect(broken()).toMatchObject([{ msg: 'web configuration not reloaded, still using the old one' }])
  expect(JSON.stringify(agent.log)).not.toMatch(/0ne|tw0|\$2/)
})
