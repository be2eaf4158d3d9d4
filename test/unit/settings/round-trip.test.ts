import { describe, expect, it } from 'vitest'
import { type Key, keys, options } from '../../../agent/settings/schema.ts'
import { samples } from './samples.ts'
import { file, printed, run } from './settings.ts'

/** Settings of the environment, and what they come to as the file that --config.check prints of them. */
async function roundTrip(env: Readonly<Record<string, string>>, keep: Readonly<Record<string, string>> = {}) {
  const text = await printed(['--config.check', '--config', 'none'], { ...keep, ...env })
  const written = file(text, 'printed.yaml')
  const [before, after] = [run(['--config', 'none'], { ...keep, ...env }).settings, run(['--config', written], keep).settings]
  return { text, before: { ...before, config: undefined }, after: { ...after, config: undefined } }
}

describe('what --config.check prints is a configuration file that comes to the same settings', () => {
  it('by default', async () => {
    const { before, after } = await roundTrip({})
    expect(after).toEqual(before)
  })

  it.each(keys.filter((key) => options[key].yaml.length > 0 && !options[key].secret))('%s', async (key) => {
    const { samples: three, needs = {} } = samples[key]()
    for (const { raw, value } of three) {
      const { before, after } = await roundTrip({ [options[key].env]: raw }, needs)
      expect(after).toEqual(before)
      expect(after[key]).toEqual(value)
    }
  })

  it.each([
    'null',
    '~',
    ' ',
    'two  spaces ',
    'a: b',
    '# c',
    '- d',
    '"e"',
    "'f",
    '{g}',
    '*h',
    '&i',
    '!j',
    '|',
    '0123',
    'true',
    'k\nl',
    'x'.repeat(300),
    'a b '.repeat(50),
  ])('text that could be taken for something else: %j', async (name) => {
    const { after } = await roundTrip({ FIBRE_NODE_NAME: name })
    expect(after.nodeName).toBe(name)
  })

  it('in the units of the file, where a variable has others', async () => {
    const { text, before, after } = await roundTrip({
      OTEL_METRIC_EXPORT_INTERVAL: '1500',
      OTEL_METRIC_EXPORT_TIMEOUT: '500',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    })
    expect(text).toMatch(/^otlp_interval: 1\.5 /m)
    expect(text).toMatch(/^otlp_timeout: 0\.5 /m)
    expect(text).toMatch(/^otlp_endpoint: http:\/\/collector:4318\/v1\/metrics /m)
    expect(after).toEqual(before)
  })

  it('with secrets in files: these are named', async () => {
    const { before, after } = await roundTrip({
      FIBRE_METRICS_AUTH_USERNAME: 'ann',
      FIBRE_METRICS_AUTH_PASSWORD_FILE: file('secret', 'password'),
      FIBRE_ALERT_WEBHOOK_HEADERS_FILE: file('A: secret', 'headers'),
    })
    expect(after).toEqual(before)
  })

  const secrets: readonly (readonly [Key, string])[] = [
    ['metricsAuthPassword', 'secret'],
    ['alertWebhookUrl', 'https://chat.example/secret'],
    ['alertWebhookHeaders', 'A: secret'],
    ['otlpEndpoint', 'https://ann:secret@collector/'],
  ]
  it.each(secrets)('but for a secret, which stays where it is given: %s', async (key, secret) => {
    const needs = key === 'metricsAuthPassword' ? { FIBRE_METRICS_AUTH_USERNAME: 'ann' } : {}
    const { text, before, after } = await roundTrip({}, { ...needs, [options[key].env]: secret })
    expect(text).not.toContain('secret')
    expect(text).toMatch(new RegExp(`^#${options[key].yaml[0]}: .*\\*\\*\\*`, 'm'))
    expect(after).toEqual(before)
  })
})
