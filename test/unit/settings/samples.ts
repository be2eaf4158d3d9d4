import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Key } from '../../../agent/settings/schema.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { certificate, file } from './settings.ts'

interface Sample {
  readonly raw: string
  readonly value: unknown
}

/** Three values of each setting, one for each source; `needs` is what it does not go without. */
export interface Samples {
  readonly samples: readonly [Sample, Sample, Sample]
  readonly needs?: Readonly<Record<string, string>>
}

const same = (...raws: [string, string, string]): Samples => ({ samples: raws.map((raw) => ({ raw, value: raw })) as never })
const pairs = (...all: [string, unknown][]): Samples => ({ samples: all.map(([raw, value]) => ({ raw, value })) as never })
const numbers = (...raws: [string, string, string]) => pairs(...raws.map((raw): [string, number] => [raw, Number(raw)]))

export const samples: Record<Key, () => Samples> = {
  bitcoind: () => same('/a/bitcoind', '/b/bitcoind', '/c/bitcoind'),
  pid: () => numbers('11', '12', '13'),
  nodeName: () => same('alpha', 'beta', 'gamma'),
  nodes: () => pairs(['a=/x', [{ name: 'a', path: '/x' }]], ['b=/y', [{ name: 'b', path: '/y' }]], ['c=/z', [{ name: 'c', path: '/z' }]]),
  users: () => pairs(['root', ['root']], ['root, 65534', ['root', '65534']], ['0', ['0']]),
  forgetAfterMs: () => pairs(['90s', 90_000], ['30 m', 1_800_000], ['2d', 172_800_000]),
  waitForTarget: () => pairs(['false', false], ['yes', true], ['0', false]),
  ringSize: () => pairs(['256KiB', 262_144], ['1048577', 2_097_152], ['1GiB', 1_073_741_824]),
  source: () => pairs(['log', 'log'], ['kernel', 'kernel'], [' LOG', 'log']),
  debugLog: () => ({ ...same('/a/debug.log', '/b/debug.log', 'c'), needs: { FIBRE_SOURCE: 'log' } }),
  tracepoints: () =>
    pairs(['net', ['net']], ['auto, mempool', ['fibre', 'validation', 'net', 'mempool']], ['UTXOCACHE,net', ['net', 'utxocache']]),
  countRuns: () => pairs(['true', true], ['no', false], ['1', true]),
  dropCapabilities: () => pairs(['yes', true], ['false', false], ['On', true]),
  port: () => numbers('9501', '9502', '0'),
  listenAddresses: () =>
    pairs(
      ['0.0.0.0', ['0.0.0.0']],
      ['[::1], 10.0.0.1', ['::1', '10.0.0.1']],
      ['host.example,unix:/run/a.sock', ['host.example', 'unix:/run/a.sock']],
    ),
  socketMode: () => pairs(['0600', 0o600], ['666', 0o666], ['0660', 0o660]),
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
  logLevel: () => pairs(['DEBUG', 'DEBUG'], ['warning', 'WARNING'], ['Warn', 'WARNING']),
  logFormat: () => pairs(['text', 'text'], ['JSON', 'json'], ['fibre_exporter', 'fibre_exporter']),
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
