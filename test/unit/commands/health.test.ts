import { expect, it } from 'vitest'
import { serve } from '../http/serve.ts'
import { certificate } from '../settings/settings.ts'
import { command } from './run-command.ts'

const routes = { '/ready': () => ({ status: 200, body: 'OK\n' }) }

it('points at TLS where an agent that serves HTTPS is asked without it', async () => {
  const { cert, key } = certificate()
  const { port } = await serve({ tls: { certFile: cert, keyFile: key }, routes })
  const { code, out, err } = await command(['health', '--ready', '--health-port', String(port)])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(
    /^fibre-agent: health: no answer from http:\/\/127\.0\.0\.1:\d+\/ready: .+; does it serve HTTPS\? give --tls-cert and --tls-key, or its --config\n$/,
  )
  const given = ['--tls-cert', cert, '--tls-key', key, '--health-port', String(port)]
  expect(await command(['health', '--ready', ...given])).toEqual({ code: 0, out: 'OK\n', err: '' })
})

it('does not where nothing listens', async () => {
  const server = await serve({ routes })
  await server.close()
  const { code, err } = await command(['health', '--health-port', String(server.port)])
  expect(code).toBe(1)
  expect(err).toContain('ECONNREFUSED')
  expect(err).not.toContain('HTTPS')
})
