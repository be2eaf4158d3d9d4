import { describe, expect, it } from 'vitest'
import { keys, options } from '../../../agent/settings/schema.ts'
import { file, printed, refusal } from './settings.ts'

const SECRET = 'hunter2'
/** Values whose secret is only a part of them. */
const secrets: Readonly<Record<string, string>> = {
  alertWebhookUrl: `https://chat.example/${SECRET}`,
  alertWebhookHeaders: `Authorization: Bearer ${SECRET}`,
}

describe('a secret is not repeated by --config.check', () => {
  const user = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD: 'x' }
  it.each(keys.filter((key) => options[key].secret === true))('%s', async (key) => {
    const { flag, env, yaml } = options[key]
    const secret = secrets[key] ?? SECRET
    const { [env]: _, ...others } = user as Readonly<Record<string, string>>
    const all = [
      await printed(['--config.check', `--${flag}=${secret}`], others),
      await printed(['--config.check'], { ...others, [env]: secret }),
      await printed(['--config.check', '-c', file(`${yaml[0]}: ${JSON.stringify(secret)}`)], others),
    ]
    for (const text of all) {
      expect(text).toMatch(new RegExp(`^#${yaml[0]}: \\*\\*\\* `, 'm'))
      expect(text).not.toContain(SECRET)
    }
  })

  it('from a password file', async () => {
    const text = await printed(['--config.check'], {
      FIBRE_METRICS_AUTH_USERNAME: 'ann',
      FIBRE_METRICS_AUTH_PASSWORD_FILE: file(SECRET, 'password'),
    })
    expect(text).toMatch(/^#metrics_auth_password: \*\*\* /m)
    expect(text).not.toContain(SECRET)
  })

  it('from a file of headers', async () => {
    const text = await printed(['--config.check'], {
      FIBRE_ALERT_WEBHOOK_HEADERS_FILE: file(`A: 1\n\nAuthorization: ${SECRET}\n`, 'headers'),
    })
    expect(text).toMatch(/^#alert_webhook_headers: \*\*\* +# \/.*headers \(FIBRE_ALERT_WEBHOOK_HEADERS_FILE\)/m)
    expect(text).not.toContain(SECRET)
  })

  it('in an address', async () => {
    const text = await printed(['--config.check', '--otlp-endpoint', `https://ann:${SECRET}@collector/in?token=${SECRET}`])
    expect(text).toContain('https://***@collector/***?***')
    expect(text).not.toContain(SECRET)
  })

  it.each([
    [`https://otlp.example/${SECRET}`, '#otlp_endpoint: https://otlp.example/***'],
    [`https://otlp.example/${SECRET}/v1/metrics`, '#otlp_endpoint: https://otlp.example/***/v1/metrics'],
    [`https://otlp.example/#${SECRET}`, '#otlp_endpoint: https://otlp.example/#***'],
    ['http://collector:4318', 'otlp_endpoint: http://collector:4318'],
  ])('in the path of an address: %s', async (address, shown) => {
    const text = await printed(['--config.check', '--otlp-endpoint', address])
    expect(text).toMatch(new RegExp(`^${RegExp.escape(shown)} `, 'm'))
    expect(text).not.toContain(SECRET)
  })
})

describe('a secret is not repeated by an error', () => {
  it('of a file of headers', () => {
    const path = file(`X: 1\n${SECRET}`, 'headers')
    expect(refusal(['--alert-webhook-headers-file', path]).problems).toEqual([
      `--alert-webhook-headers-file: the file of headers "${path}" must hold one "Name: value" a line, in ASCII`,
    ])
  })

  it.each([
    [['--metrics-auth-password', SECRET]],
    [['--metrics-auth-pasword', SECRET]],
    [[`--metrics-auth-pasword=${SECRET}`]],
    [['--metrics-auth', SECRET]],
    [[`metrics-auth-password=${SECRET}`]],
    [[`--metrics-auth-password:${SECRET}`]],
    [[`--=${SECRET}`]],
    [['--metrics-auth-password', `-${SECRET}`]],
    [['--alert-webhook-headers', SECRET]],
    [['--alert-webhook-headers', `Host: ${SECRET}`]],
    [['--alert-webhook-headers', `X: ${SECRET}\u0007`]],
    [['--otlp-endpoint', `htp://ann:${SECRET}@collector`]],
    [['--otlp-endpoint', `ann:${SECRET}@collector`]],
    [['--metrics-auth-username', `ann:${SECRET}`]],
  ])('%j', (argv) => {
    expect(refusal(argv).message).not.toContain(SECRET)
  })

  it.each([
    `metrics_auth_password: *${SECRET}`,
    `metrics_auth_password: !${SECRET} x`,
    `metrics_auth_password: !!js/${SECRET} x`,
    `metrics_auth_password: !h!${SECRET} x`,
    `metrics_auth_password: |x ${SECRET}`,
    `metrics_auth_password: @${SECRET}`,
    `metrics_auth_password: a: ${SECRET}`,
    `metrics_auth_password: "a\\q${SECRET}"`,
    `metrics_auth_password: [${SECRET}]`,
    `metrics_auth_password:${SECRET}`,
    `pid: 1\nmetrics_auth_password:${SECRET}`,
    `metrics_auth_password=${SECRET}`,
    `metrics_auth_pasword: ${SECRET}`,
    `metrics_auth_username: ann:${SECRET}`,
    `metrics_auth_password: x\nmetrics_auth_password: ${SECRET}`,
  ])('%j', (yaml) => {
    expect(refusal(['-c', file(yaml)]).message).not.toContain(SECRET)
  })

  it('or a warning', async () => {
    expect(await printed(['--config.check'], { FIBRE_METRICS_AUTH_PASWORD: SECRET })).not.toContain(SECRET)
    expect(await printed(['--help'], { FIBRE_METRICS_AUTH_PASSWORD: SECRET })).not.toContain(SECRET)
  })
})
