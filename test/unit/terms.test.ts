import { cpSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, describe, expect, it } from 'vitest'
import { TermsFiles } from '../../agent/terms.ts'
import { captureLog } from '../harness/captured-log.ts'
import { until } from '../harness/until.ts'
import { CertificateMaker } from './settings/certificates.ts'
import { run } from './settings/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'fibre-terms-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)
const make = new CertificateMaker(folder)
const [one, other] = [make.make('one'), make.make('other')]
const token = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

function open(argv: readonly string[], env = {}) {
  const { log, lines } = captureLog()
  let changes = 0
  const terms = new TermsFiles({ settings: run(argv, env).settings, changed: () => changes++, log })
  const said = () => lines.map(({ msg }) => msg)
  /** Looks as often as there are requests until something has been said. */
  const untilSaid = async (count: number) => {
    await until(() => {
      terms.look()
      return lines.length >= count
    }, `${count} lines in the log`)
  }
  const passes = async (who: string) => await terms.metrics.authenticator?.check(token(who), '')
  return { terms, lines, said, untilSaid, passes, changes: () => changes }
}

/** A file as an editor or a tool of deployment replaces it: by another one under its name. */
function replace(name: string, content: string): void {
  writeFileSync(path(`${name}.new`), content)
  renameSync(path(`${name}.new`), path(name))
}

describe("the agent's own settings", () => {
  it('serve a renewed certificate, keep the old one while the new one is broken, and say so once', async () => {
    const [cert, key] = [path('served.crt'), path('served.key')]
    cpSync(one.cert, cert)
    cpSync(one.key, key)
    const { terms, lines, said, untilSaid, changes } = open(['--tls-cert', cert, '--tls-key', key])
    const first = terms.metrics.tls
    cpSync(other.cert, cert)
    await untilSaid(1)
    expect(lines[0]).toMatchObject({ level: 50, msg: 'certificate not reloaded, still serving the old one' })
    expect(lines[0]?.reason).toContain(cert)
    expect(terms.metrics.tls).toBe(first)
    expect(terms.faults).toEqual([expect.stringMatching(/^The certificate cannot be read anew, still serving the old one: .*served\.crt/)])
    cpSync(other.key, key)
    await untilSaid(2)
    expect(said()).toEqual(['certificate not reloaded, still serving the old one', 'certificate reloaded'])
    expect(terms.metrics.tls).not.toBe(first)
    expect([terms.faults, changes()]).toEqual([[], 1])
  })

  it('take a new password from its file, without SIGHUP', async () => {
    replace('password', 'old\n')
    const env = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD_FILE: path('password') }
    const { said, untilSaid, passes } = open([], env)
    expect([await passes('ann:old'), await passes('ann:new')]).toEqual([true, false])
    replace('password', 'new\n')
    await untilSaid(1)
    expect([await passes('ann:old'), await passes('ann:new')]).toEqual([false, true])
    unlinkSync(path('password'))
    await untilSaid(2)
    expect(await passes('ann:new')).toBe(true)
    expect(said()).toEqual(['password reloaded', 'password not reloaded, still asking for the old one'])
  })
})

describe('a web configuration file', () => {
  const hash = (password: string) => hashSync(password, 4)
  const users = (all: Readonly<Record<string, string>>) =>
    `basic_auth_users:\n${Object.entries(all).map(([name, hashed]) => `  ${name}: ${hashed}\n`)}`

  it('is read anew when it changes, and kept where the new one is broken', async () => {
    const ann = hash('one')
    replace('web.yml', users({ ann }))
    const { terms, lines, said, untilSaid, passes } = open(['--web.config.file', path('web.yml')])
    expect([await passes('ann:one'), await passes('bob:two')]).toEqual([true, false])
    replace('web.yml', `${users({ bob: hash('two') })}http_server_config: { headers: { X-Frame-Options: deny } }\n`)
    await untilSaid(1)
    expect([await passes('ann:one'), await passes('bob:two')]).toEqual([false, true])
    expect(terms.metrics.headers).toEqual({ 'X-Frame-Options': 'deny' })
    expect(terms.health.headers).toEqual({ 'X-Frame-Options': 'deny' })
    expect(terms.health.authenticator).toBeUndefined()

    replace('web.yml', 'basic_auth_users: { bob: secret }\n')
    await untilSaid(2)
    expect(await passes('bob:two')).toBe(true)
    expect(lines[1]?.reason).toContain(`${path('web.yml')}:1:21 (basic_auth_users.bob)`)
    expect(terms.faults).toHaveLength(1)
    replace('web.yml', '')
    await untilSaid(3)
    expect(terms.metrics.authenticator).toBeUndefined()
    expect(said()).toEqual([
      'web configuration reloaded',
      'web configuration not reloaded, still using the old one',
      'web configuration reloaded',
    ])
    expect(JSON.stringify(lines)).not.toMatch(/secret|\$2/)
  })

  it('is read anew when a file changes that it names, also one that it has named since', async () => {
    cpSync(one.cert, path('web.crt'))
    cpSync(one.key, path('web.key'))
    replace('tls.yml', 'tls_server_config: { cert_file: web.crt, key_file: web.key }\n')
    const { terms, said, untilSaid } = open(['--web.config.file', path('tls.yml')])
    const first = terms.metrics.tls?.context.cert
    cpSync(other.key, path('later.key'))
    cpSync(other.cert, path('later.crt'))
    replace('tls.yml', 'tls_server_config: { cert_file: later.crt, key_file: later.key }\n')
    await untilSaid(1)
    const second = terms.metrics.tls?.context.cert
    expect(second).not.toBe(first)
    cpSync(one.key, path('later.key'))
    cpSync(one.cert, path('later.crt'))
    await untilSaid(2)
    await until(() => {
      terms.look()
      return terms.metrics.tls?.context.cert === first
    }, 'the first certificate again')
    expect(new Set(said())).toContain('web configuration reloaded')
  })

  it('changes neither from HTTP to HTTPS nor back without a restart', async () => {
    replace('plain.yml', '')
    const { lines, untilSaid } = open(['--web.config.file', path('plain.yml')])
    replace('plain.yml', `tls_server_config: { cert_file: ${one.cert}, key_file: ${one.key} }\n`)
    await untilSaid(1)
    expect(lines[0]).toMatchObject({ level: 50, reason: `${path('plain.yml')}: HTTPS in place of HTTP takes a restart` })
  })

  it('is read by SIGHUP whether it has changed or not, and says what came of it each time', async () => {
    const ann = hash('one')
    const argv = ['--web.config.file', path('hup.yml')]
    replace('hup.yml', users({ ann }))
    const { terms, said, passes } = open(argv)
    expect(await passes('ann:one')).toBe(true)
    const { settings } = run(argv)
    terms.reload(settings)
    replace('hup.yml', 'nonsense: 1\n')
    for (const _ of [1, 2]) terms.reload(settings)
    const kept = 'web configuration not reloaded, still using the old one'
    expect(said()).toEqual(['web configuration reloaded', kept, kept])
  })
})
