import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Key, keys, options, type Settings } from '../../../agent/settings/schema.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { certificate, file, run } from './settings.ts'

interface Sample {
  readonly raw: string
  readonly value: unknown
}

/** Three values of each setting, one for each source; `needs` is what it does not go without. */
interface Samples {
  readonly samples: readonly [Sample, Sample, Sample]
  readonly needs?: Readonly<Record<string, string>>
}

const same = (...raws: [string, string, string]): Samples => ({ samples: raws.map((raw) => ({ raw, value: raw })) as never })
const pairs = (...all: [string, unknown][]): Samples => ({ samples: all.map(([raw, value]) => ({ raw, value })) as never })
const numbers = (...raws: [string, string, string]) => pairs(...raws.map((raw): [string, number] => [raw, Number(raw)]))

const samples: Record<Key, () => Samples> = {
  bitcoind: () => same('/a/bitcoind', '/b/bitcoind', '/c/bitcoind'),
  pid: () => numbers('11', '12', '13'),
  nodeName: () => same('alpha', 'beta', 'gamma'),
  nodes: () => pairs(['a=/x', [{ name: 'a', path: '/x' }]], ['b=/y', [{ name: 'b', path: '/y' }]], ['c=/z', [{ name: 'c', path: '/z' }]]),
  users: () => pairs(['root', ['root']], ['root, 65534', ['root', '65534']], ['0', ['0']]),
  forgetAfterMs: () => pairs(['90s', 90_000], ['30 m', 1_800_000], ['2d', 172_800_000]),
  waitForTarget: () => pairs(['false', false], ['yes', true], ['0', false]),
  ringSize: () => pairs(['256KiB', 262_144], ['1048577', 2_097_152], ['1GiB', 1_073_741_824]),
  countRuns: () => pairs(['true', true], ['no', false], ['1', true]),
  port: () => numbers('9501', '9502', '0'),
  listenAddress: () => same('0.0.0.0', '::1', 'host.example'),
  allowedHosts: () => pairs(['a.example', ['a.example']], ['b, C.example', ['b', 'C.example']], ['*', ['*']]),
  metricsAuthUsername: () => ({ ...same('ann', 'bob', 'eve'), needs: { FIBRE_METRICS_AUTH_PASSWORD: 'x' } }),
  metricsAuthPassword: () => ({ ...same('one', '0123', 'två'), needs: { FIBRE_METRICS_AUTH_USERNAME: 'x' } }),
  metricsAuthPasswordFile: () => ({ ...same(file('a'), file('b'), file('c')), needs: { FIBRE_METRICS_AUTH_USERNAME: 'x' } }),
  tlsCert: () => tls('cert', 'FIBRE_TLS_KEY'),
  tlsKey: () => tls('key', 'FIBRE_TLS_CERT'),
  webConfigFile: () => same(file(''), file('', 'b.yml'), file('', 'c.yml')),
  peerLabel: () => numbers('1', '2', '3'),
  healthPort: () => numbers('9601', '9602', '0'),
  otlpEndpoint: () =>
    pairs(
      ['http://a:4318', 'http://a:4318/v1/metrics'],
      ['https://b/otlp/v1/metrics', 'https://b/otlp/v1/metrics'],
      ['http://c/', 'http://c/v1/metrics'],
    ),
  otlpProtocol: () => pairs(['http/protobuf', 'http/protobuf'], [' http/json', 'http/json'], ['HTTP/Protobuf', 'http/protobuf']),
  otlpIntervalMs: () => pairs(['1', 1000], ['0.5', 500], ['60', 60_000]),
  otlpTimeoutMs: () => pairs(['1', 1000], ['0.5', 500], ['60', 60_000]),
  journal: () => pairs(['/a/blocks', '/a/blocks'], ['b', 'b'], ['none', undefined]),
  journalFileBytes: () => pairs(['64KiB', 65_536], ['1000000', 1_000_000], ['1GiB', 1_073_741_824]),
  journalKeep: () => pairs(['365d', { days: 365 }], ['64MiB', { bytes: 67_108_864 }], ['1 d', { days: 1 }]),
  pendingTimeoutMs: () => pairs(['1', 1000], ['0.5', 500], ['60', 60_000]),
  record: () => same('/a/events', 'b', '/c/events'),
  slowThresholdMs: () => numbers('10', '20.5', '100'),
  verySlowThresholdMs: () => numbers('150', '200.5', '3600000'),
  alertWebhookUrl: () =>
    pairs(['http://a', 'http://a/'], ['https://b/token?x=1', 'https://b/token?x=1'], ['http://u:p@c:1/', 'http://u:p@c:1/']),
  alertWebhookHeaders: () => pairs(['A: 1', { A: '1' }], ['B:two words', { B: 'two words' }], ['C: 3\nD: 4', { C: '3', D: '4' }]),
  alertWebhookHeadersFile: () => same(file('A: 1\n'), file('B: 2'), file('C: 3')),
  alerts: () => pairs(['false', false], ['yes', true], ['0', false]),
  verbose: () => pairs(['true', true], ['off', false], ['1', true]),
  logLevel: () => pairs(['DEBUG', 'DEBUG'], ['warning', 'WARNING'], ['Error', 'ERROR']),
  logFile: () => same(file('', 'a.log'), file('', 'b.log'), file('', 'c.log')),
  config: () => same(file(''), file('# nothing\n'), file('')),
}

/** Three names for one certificate or key. */
function tls(part: 'cert' | 'key', other: string): Samples {
  const { cert, key } = certificate()
  const [mine, partner] = part === 'cert' ? [cert, key] : [key, cert]
  const copies = ['1.pem', '2.pem', '3.pem'].map((name) => join(temporaryDirectory(), name)) as [string, string, string]
  for (const copy of copies) copyFileSync(mine, copy)
  return { ...same(...copies), needs: { [other]: partner } }
}

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
    countRuns: false,
    port: 9435,
    listenAddress: '127.0.0.1',
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
    otlpTimeoutMs: 10_000,
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
    logFile: undefined,
    config: undefined,
  })
})
