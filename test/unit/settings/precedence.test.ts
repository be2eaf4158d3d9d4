import { describe, expect, it } from 'vitest'
import { type Key, keys, options, type Settings } from '../../../agent/settings/schema.ts'
import { type Samples, samples } from './samples.ts'
import { file, run } from './settings.ts'

interface Given {
  argv?: readonly string[]
  env?: Readonly<Record<string, string>>
}

const sources = {
  'command line': (key: Key, raw: string): Given => ({ argv: [`--${options[key].flag}=${raw}`] }),
  environment: (key: Key, raw: string): Given => ({ env: { [options[key].env]: raw } }),
  'configuration file': (key: Key, raw: string): Given => ({ argv: ['--config', file(`${options[key].yaml[0]}: ${yamlOf(key, raw)}`)] }),
} as const
type SourceName = keyof typeof sources

function yamlOf(key: Key, raw: string): string {
  return key === 'nodes' ? `{ ${raw.replace('=', ': ')} }` : JSON.stringify(raw)
}

function sourcesOf(key: Key): SourceName[] {
  return (Object.keys(sources) as SourceName[]).filter((name) => name !== 'configuration file' || options[key].yaml.length > 0)
}

function load(needs: Samples['needs'], ...all: readonly Given[]): Settings {
  return run(
    all.flatMap(({ argv }) => argv ?? []),
    Object.assign({}, needs, ...all.map(({ env }) => env)),
  ).settings
}

describe.each(keys)('%s', (key) => {
  it.each(sourcesOf(key))('is taken from the %s', (name) => {
    const { samples: three, needs } = samples[key]()
    for (const { raw, value } of three) expect(load(needs, sources[name](key, raw))[key]).toEqual(value)
  })

  it('keeps to command line over environment over configuration file', () => {
    const { samples: three, needs } = samples[key]()
    const names = sourcesOf(key)
    for (const [rank, higher] of names.entries())
      for (const lower of names.slice(rank + 1))
        for (const [mine, other] of three.flatMap((a) => three.filter((b) => b !== a).map((b) => [a, b] as const)))
          expect(load(needs, sources[higher](key, mine.raw), sources[lower](key, other.raw))[key], `${higher} over ${lower}`).toEqual(
            mine.value,
          )
  })

  it('has its default when nothing gives it', () => {
    const { default: text } = options[key]
    const byDefault = run([]).settings[key]
    if (text === undefined) expect(byDefault).toBeUndefined()
    else if (text.length > 0) expect(load({}, sources['command line'](key, String(text)))[key]).toEqual(byDefault)
    else expect(byDefault).toEqual([])
  })

  it('names where it comes from', () => {
    const { samples: three, needs } = samples[key]()
    const { flag, env, yaml } = options[key]
    const path = file(`\n${yaml[0]}: ${yamlOf(key, three[0].raw)}`)
    expect(run([`--${flag}=${three[0].raw}`], needs).sources[key]).toBe(`--${flag}`)
    expect(run([], { ...needs, [env]: three[0].raw }).sources[key]).toBe(env)
    if (yaml.length > 0) expect(run(['-c', path], needs).sources[key]).toBe(`${path}:2:1 (${yaml[0]})`)
    expect(run([]).sources[key]).toBe(options[key].default === undefined ? 'not set' : 'default')
  })
})

it('lets a value on the command line win although it equals the default', () => {
  const { settings } = run(['--port', '9435', '--node-name', 'localhost', '--log-level', 'INFO'], {
    FIBRE_METRICS_PORT: '9500',
    FIBRE_NODE_NAME: 'other',
    FIBRE_LOG_LEVEL: 'DEBUG',
  })
  expect(settings).toMatchObject({ port: 9435, nodeName: 'localhost', logLevel: 'INFO' })
})

it('runs without any setting, on loopback, with the ports of the exporter it replaces', () => {
  expect(run([]).settings).toEqual({
    bitcoind: undefined,
    pid: 0,
    nodeName: 'localhost',
    nodes: [],
    waitForTarget: true,
    ringSize: 4_194_304,
    source: 'kernel',
    debugLog: undefined,
    tracepoints: ['fibre', 'validation', 'net'],
    countRuns: false,
    dropCapabilities: false,
    port: 9435,
    listenAddresses: ['127.0.0.1'],
    socketMode: 0o660,
    metricsAuthUsername: undefined,
    metricsAuthPassword: undefined,
    metricsAuthPasswordFile: undefined,
    tlsCert: undefined,
    tlsKey: undefined,
    webConfigFile: undefined,
    peerLabel: 0,
    forgetAfterMs: 86_400_000,
    healthPort: 9436,
    otlpEndpoint: undefined,
    otlpProtocol: 'http/json',
    otlpIntervalMs: 10_000,
    otlpTimeoutMs: undefined,
    journal: '/var/lib/fibre-agent/blocks.ndjson',
    journalFileBytes: 8_388_608,
    journalKeep: { bytes: 104_857_600 },
    pendingTimeoutMs: 600_000,
    record: undefined,
    slowThresholdMs: 50,
    verySlowThresholdMs: 100,
    alertWebhookUrl: undefined,
    alerts: true,
    users: undefined,
    verbose: false,
    logLevel: 'INFO',
    logFormat: 'auto',
    logFile: undefined,
    config: undefined,
  })
})
