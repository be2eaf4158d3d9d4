import { describe, expect, it } from 'vitest'
import { refusal, run } from './settings.ts'

describe('booleans', () => {
  it.each(['true', 'TRUE', '1', 'yes', 'on', ' true '])('%j is true', (text) => {
    expect(run([], { FIBRE_VERBOSE: text }).settings.verbose).toBe(true)
  })
  it.each(['false', 'False', '0', 'no', 'off'])('%j is false', (text) => {
    expect(run([], { FIBRE_VERBOSE: text }).settings.verbose).toBe(false)
  })
})

it('takes an empty variable as not set', () => {
  const { settings, sources } = run([], { FIBRE_PID: '', FIBRE_METRICS_PORT: '', FIBRE_BITCOIND_PATH: '', FIBRE_METRICS_AUTH_PASSWORD: '' })
  expect(settings).toMatchObject({ pid: 0, port: 9435, bitcoind: undefined, metricsAuthPassword: undefined })
  expect(sources.port).toBe('default')
})

it('takes several nodes with commas between', () => {
  expect(run([], { FIBRE_NODES: 'a=/srv/a, b=/srv/b,' }).settings.nodes).toEqual([
    { name: 'a', path: '/srv/a' },
    { name: 'b', path: '/srv/b' },
  ])
})

describe('variables that Kubernetes sets for a Service', () => {
  const links = {
    FIBRE_METRICS_SERVICE_HOST: '10.96.0.12',
    FIBRE_METRICS_SERVICE_PORT: '9435',
    FIBRE_METRICS_SERVICE_PORT_HTTP: '9435',
    FIBRE_METRICS_PORT: 'tcp://10.96.0.12:9435',
    FIBRE_METRICS_PORT_9435_TCP: 'tcp://10.96.0.12:9435',
    FIBRE_METRICS_PORT_9435_TCP_ADDR: '10.96.0.12',
    FIBRE_METRICS_PORT_9435_TCP_PORT: '9435',
    FIBRE_METRICS_PORT_9435_TCP_PROTO: 'tcp',
  }
  it('are passed over, with one warning that names the way out', () => {
    const { settings, warnings } = run([], { ...links, FIBRE_METRICS_AUTH_USERNAME: '' })
    expect(settings.port).toBe(9435)
    expect(warnings).toEqual([expect.stringMatching(/^FIBRE_METRICS_PORT: Kubernetes .*enableServiceLinks: false/)])
  })

  it('do not hide settings beside them', () => {
    const env = { ...links, FIBRE_METRICS_AUTH_USERNAME: 'me', FIBRE_METRICS_AUTH_PASSWORD: 'x', FIBRE_HEALTH_PORT: 'udp://10.96.0.13:53' }
    const { settings, warnings } = run([], env)
    expect(settings).toMatchObject({ port: 9435, healthPort: 9436, metricsAuthUsername: 'me' })
    expect(warnings).toHaveLength(2)
  })
})

it('refuses a wrong number with exit code 2', () => {
  const error = refusal([], { FIBRE_METRICS_PORT: '94x35' })
  expect(error.problems).toEqual(['FIBRE_METRICS_PORT: must be a whole number from 0 to 65535, not "94x35"'])
  expect(error.exitCode).toBe(2)
})

it('takes the names of the older slow-block recorder, behind its own', () => {
  const recorder = {
    FIBRE_RECORDER_BITCOIND_PATH: '/b',
    FIBRE_RECORDER_PID: '7',
    FIBRE_RECORDER_NODE_NAME: 'alpha',
    FIBRE_RECORDER_SLOW_THRESHOLD_MS: '20',
    FIBRE_RECORDER_VERY_SLOW_THRESHOLD_MS: '40',
    FIBRE_RECORDER_PENDING_TIMEOUT_SEC: '60',
    FIBRE_RECORDER_ALERT_ENABLED: 'no',
    FIBRE_RECORDER_ALERT_WEBHOOK_URL: 'http://a/b',
    FIBRE_RECORDER_VERBOSE: 'on',
    FIBRE_RECORDER_LOG_LEVEL: 'ERROR',
  }
  expect(run([], { ...recorder, FIBRE_NODE_NAME: 'beta' }).settings).toMatchObject({
    bitcoind: '/b',
    pid: 7,
    nodeName: 'beta',
    slowThresholdMs: 20,
    verySlowThresholdMs: 40,
    pendingTimeoutMs: 60_000,
    alerts: false,
    alertWebhookUrl: 'http://a/b',
    verbose: true,
    logLevel: 'ERROR',
  })
})

it('says of what nothing here needs that it has no effect', () => {
  const { warnings } = run([], { FIBRE_RECORDER_DB_PATH: '/a.sqlite', FIBRE_RECORDER_HOUSEKEEPING_INTERVAL_SEC: '5' })
  expect(warnings).toEqual([
    'FIBRE_RECORDER_DB_PATH: has no effect: blocks are kept in the journal, there is no database',
    'FIBRE_RECORDER_HOUSEKEEPING_INTERVAL_SEC: has no effect: records are looked after every second',
  ])
})

it('warns of FIBRE_ variables that are no settings', () => {
  const { warnings } = run([], { FIBRE_METRICS_PROT: '1', FIBRE_FROBNICATE: '1', PATH: '/bin' })
  expect(warnings).toEqual([
    'FIBRE_METRICS_PROT: there is no such setting, it is ignored; did you mean FIBRE_METRICS_PORT?',
    'FIBRE_FROBNICATE: there is no such setting, it is ignored',
  ])
})

describe('standard OpenTelemetry names', () => {
  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, 'http://c:4318/v1/metrics'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c/tenant/' }, 'http://c/tenant/v1/metrics'],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m/in', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }, 'http://m/in'],
    [{ FIBRE_OTLP_ENDPOINT: 'http://f', OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m' }, 'http://f/v1/metrics'],
  ])('%j switch pushing on', (env, endpoint) => {
    expect(run([], env).settings.otlpEndpoint).toBe(endpoint)
  })

  it('count milliseconds where ours counts seconds', () => {
    expect(run([], { OTEL_METRIC_EXPORT_INTERVAL: '2500' }).settings.otlpIntervalMs).toBe(2500)
    expect(run([], { OTEL_METRIC_EXPORT_INTERVAL: '2500', FIBRE_OTLP_INTERVAL: '2' }).settings.otlpIntervalMs).toBe(2000)
    expect(run([], { OTEL_EXPORTER_OTLP_TIMEOUT: '2500' }).settings.otlpTimeoutMs).toBe(2500)
    expect(run([], { OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '1500', OTEL_EXPORTER_OTLP_TIMEOUT: '2500' }).settings.otlpTimeoutMs).toBe(1500)
    expect(refusal([], { OTEL_METRIC_EXPORT_INTERVAL: '10s' }).problems).toEqual([
      'OTEL_METRIC_EXPORT_INTERVAL: must be a number of milliseconds from 100 to 3600000, not "10s"',
    ])
  })

  it.each(['OTEL_SDK_DISABLED=true', 'OTEL_METRICS_EXPORTER=none'])('switch pushing off with %s, and it is said', (off) => {
    const [name = '', value = ''] = off.split('=')
    const env = { [name]: value.toUpperCase() }
    const { settings, warnings } = run(['--otlp-endpoint', 'http://c'], env)
    expect(settings.otlpEndpoint).toBeUndefined()
    expect(warnings).toEqual([`--otlp-endpoint: has no effect, because ${off}`])
    expect(run([], env).warnings).toEqual([])
  })

  it('name files that must be there when something is pushed', () => {
    const missing = { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' }
    expect(refusal(['--otlp-endpoint', 'https://c'], missing).problems).toEqual([
      'OTEL_EXPORTER_OTLP_CERTIFICATE: "/nowhere/ca.pem" does not exist',
    ])
    expect(run([], missing).settings.otlpEndpoint).toBeUndefined()
  })
})
