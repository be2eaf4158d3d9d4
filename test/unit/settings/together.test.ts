import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pushOptionsOf } from '../../../agent/settings/push.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { command } from '../commands/run-command.ts'
import { certificate, file, printed, refusal, run } from './settings.ts'

const neither = 'give that too, or neither'

describe('credentials', () => {
  it('are refused without a password', () => {
    expect(refusal(['--metrics-auth-username', 'ann']).problems).toEqual([
      `--metrics-auth-username: works only together with --metrics-auth-password (FIBRE_METRICS_AUTH_PASSWORD, metrics_auth_password); ${neither}`,
    ])
    expect(refusal(['--metrics-auth-username', 'ann']).exitCode).toBe(2)
  })

  it('are refused without a user name', () => {
    const username = '--metrics-auth-username (FIBRE_METRICS_AUTH_USERNAME, metrics_auth_username)'
    expect(refusal([], { FIBRE_METRICS_AUTH_PASSWORD: 'hunter2' }).problems).toEqual([
      `FIBRE_METRICS_AUTH_PASSWORD: works only together with ${username}; ${neither}`,
    ])
    const path = file('hunter2', 'password')
    expect(refusal(['--metrics-auth-password-file', path]).problems).toEqual([
      `${path} (--metrics-auth-password-file): works only together with ${username}; ${neither}`,
    ])
  })

  it.each([
    ['hunter2\n', 'hunter2'],
    ['hunter2', 'hunter2'],
    ['two words \r\n', 'two words '],
    ['ends in an empty line\n\n', 'ends in an empty line\n'],
  ])('take the password %j from its file', (content, password) => {
    const path = file(content, 'password')
    const env = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD_FILE: path }
    expect(run([], env).settings.metricsAuthPassword).toBe(password)
  })

  it('are refused with both a password and its file', () => {
    const env = { FIBRE_METRICS_AUTH_USERNAME: 'a', FIBRE_METRICS_AUTH_PASSWORD: 'b', FIBRE_METRICS_AUTH_PASSWORD_FILE: file('c') }
    expect(refusal([], env).problems).toEqual([
      'FIBRE_METRICS_AUTH_PASSWORD_FILE: FIBRE_METRICS_AUTH_PASSWORD gives the password already, keep one of them',
    ])
  })

  it('are refused with a password file that is empty, a directory or not there', () => {
    const [empty, directory] = [file('\n'), temporaryDirectory()]
    const refused = (path: string) => refusal(['--metrics-auth-username', 'a', '--metrics-auth-password-file', path]).problems
    expect(refused(empty)).toEqual([`--metrics-auth-password-file: the password file "${empty}" is empty`])
    expect(refused(directory)).toEqual([`--metrics-auth-password-file: the password file "${directory}" is a directory, not a file`])
    expect(refused('/nowhere')).toEqual(['--metrics-auth-password-file: the password file "/nowhere" does not exist'])
  })
})

describe('groups of tracepoints', () => {
  it.each([
    ['mempool', 'auto,mempool'],
    ['net,utxocache', 'auto,utxocache'],
    ['net', 'auto'],
  ])('are warned of where none tells of blocks: %s', (given, wayOut) => {
    expect(run([], { FIBRE_TRACEPOINTS: given }).warnings).toEqual([
      `FIBRE_TRACEPOINTS: no blocks are measured by ${given} alone, without validation (and fibre, of a node with FIBRE); ${wayOut} measures them too`,
    ])
  })

  it.each(['auto', 'all', 'fibre', 'validation,mempool'])('tell of blocks: %s', (given) => {
    expect(run(['--tracepoints', given]).warnings).toEqual([])
  })

  it('are warned of by --config.check', async () => {
    const text = await printed(['--config.check', '--tracepoints', 'mempool'])
    expect(text).toContain('# warning: --tracepoints: no blocks are measured')
  })
})

describe('TLS', () => {
  const refused = (cert: string, key: string) => refusal(['--tls-cert', cert], { FIBRE_TLS_KEY: key }).problems

  it('is accepted with a certificate and its key', () => {
    const { cert, key } = certificate()
    expect(run(['--tls-cert', cert, '--tls-key', key]).settings).toMatchObject({ tlsCert: cert, tlsKey: key })
  })

  it('is refused with a certificate alone or a key alone, with exit code 2', () => {
    const { cert, key } = certificate()
    expect(refusal(['--tls-cert', cert])).toMatchObject({
      problems: [`--tls-cert: works only together with --tls-key (FIBRE_TLS_KEY, tls_key); ${neither}`],
      exitCode: 2,
    })
    expect(refusal([], { FIBRE_TLS_KEY: key }).problems).toEqual([
      `FIBRE_TLS_KEY: works only together with --tls-cert (FIBRE_TLS_CERT, tls_cert); ${neither}`,
    ])
  })

  it('is refused with the key of another certificate', () => {
    const [{ cert }, { key }] = [certificate(), certificate()]
    expect(refused(cert, key)).toEqual([`FIBRE_TLS_KEY: "${key}" is not the key of the certificate "${cert}"`])
  })

  it('is refused with files that are missing, directories or something else', () => {
    const { cert, key } = certificate()
    expect(refused(cert, '/nowhere.key')).toEqual(['FIBRE_TLS_KEY: "/nowhere.key" does not exist'])
    const directory = temporaryDirectory()
    expect(refused(directory, key)).toEqual([`--tls-cert: "${directory}" is a directory, not a file`])
    expect(refused(key, cert)).toEqual([
      `--tls-cert: "${key}" holds no certificate in PEM`,
      `FIBRE_TLS_KEY: "${cert}" holds no unencrypted private key in PEM`,
    ])
  })
})

it('refuses one port for both pages, unless any free one will do', () => {
  expect(refusal(['--port', '9436']).problems).toEqual([
    '--port: the metrics page and the health page (default) cannot both have port 9436',
  ])
  expect(run(['--port', '0', '--health-port', '0']).settings).toMatchObject({ port: 0, healthPort: 0 })
})

describe.each(['--journal', '--log-file', '--record'])('%s', (flag) => {
  it.each([
    ['a directory', 'name another', (path: string) => mkdirSync(path)],
    ['a pipe', 'name another', (path: string) => execFileSync('mkfifo', [path])],
    ['a symbolic link', 'name what it leads to', (path: string) => symlinkSync(file(''), path)],
  ])('is refused as %s, with exit code 2, also by --config.check', async (kind, wayOut, make) => {
    const path = join(temporaryDirectory(), 'path')
    make(path)
    const problem = `${flag}: ${JSON.stringify(path)} is ${kind}, not a file; ${wayOut}`
    expect(refusal([flag, path])).toMatchObject({ problems: [problem], exitCode: 2 })
    const { code, err } = await command(['--config.check', flag, path])
    expect([code, err]).toEqual([2, expect.stringContaining(problem)])
  })

  it('is refused as a device', () => {
    expect(refusal([flag, '/dev/null']).problems).toEqual([`${flag}: "/dev/null" is a device, not a file; name another`])
  })
})

it('accepts a journal and a recording that are still missing, also with their folder', () => {
  const path = (name: string) => join('/nonesuch', name)
  expect(run(['--journal', path('a'), '--record', path('b')]).settings).toMatchObject({ journal: path('a'), record: path('b') })
})

it('says that standard output has the log anyway', () => {
  expect(refusal(['--log-file', '/dev/stdout']).problems).toEqual([
    '--log-file: "/dev/stdout" is a symbolic link, not a file; leave --log-file out, the log goes to standard output anyway',
  ])
})

it('refuses a log file in a folder that does not exist', () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), '')
  for (const [parent, reason] of [
    ['missing', 'its folder does not exist; make it, or name another file'],
    ['file', 'part of its path is a file; name another'],
  ] as const) {
    const path = join(directory, parent, 'agent.log')
    expect(refusal(['--log-file', path]).problems).toEqual([`--log-file: cannot write to "${path}": ${reason}`])
  }
  expect(run(['--log-file', join(directory, 'agent.log')]).settings.logFile).toBe(join(directory, 'agent.log'))
})

it('refuses a very slow block that is faster than a slow one', () => {
  expect(refusal(['--slow-threshold-ms', '200']).problems).toEqual([
    '--slow-threshold-ms: a very slow block (100 ms) must take at least as long as a slow one (200 ms); set both thresholds',
  ])
})

describe('a push that may take longer than there is until the next', () => {
  const endpoint = ['--otlp-endpoint', 'http://collector:4318']
  it.each([
    [
      ['--otlp-timeout', '9.5'],
      {},
      '--otlp-timeout: a push that may take 9.5 s',
      '10 s (--otlp-interval (FIBRE_OTLP_INTERVAL, otlp_interval))',
      '9 s',
    ],
    [['--otlp-timeout', '5', '--otlp-interval', '5'], {}, '--otlp-timeout: a push that may take 5 s', '5 s (--otlp-interval)', '4.5 s'],
    [
      ['--otlp-interval', '1'],
      { FIBRE_OTLP_TIMEOUT: '10', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
      'FIBRE_OTLP_TIMEOUT: a push that may take 10 s',
      '1 s (--otlp-interval)',
      '0.9 s',
    ],
  ])('is refused: %j %j', (flags, env, push, next, most) => {
    expect(refusal([...endpoint, ...flags], env).problems).toEqual([
      `${push} cannot be over before the next, after ${next}; set ${most} at most, a longer interval, or no timeout`,
    ])
  })

  it.each([
    ['OTEL_METRIC_EXPORT_TIMEOUT', '30000', '10', '9', '--otlp-interval (FIBRE_OTLP_INTERVAL, otlp_interval)'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10000', '10', '9', '--otlp-interval (FIBRE_OTLP_INTERVAL, otlp_interval)'],
    ['OTEL_EXPORTER_OTLP_METRICS_TIMEOUT', '30000', '20', '18', '--otlp-interval'],
  ])('is shortened where a variable of OpenTelemetry allows it: %s=%s', async (name, value, interval, most, place) => {
    const flags = [...endpoint, ...(interval === '10' ? [] : ['--otlp-interval', interval])]
    const { settings, warnings } = run(flags, { [name]: value })
    expect(pushOptionsOf(settings, {})?.timeoutMs).toBe(Number(most) * 1000)
    expect(warnings).toEqual([
      `${name}: a push may take ${most} s instead of ${Number(value) / 1000} s, to be over before the next, after ${interval} s (${place})`,
    ])
    expect(await printed(['--config.check', ...flags], { [name]: value })).toMatch(new RegExp(`^otlp_timeout: ${most} .*# ${name}$`, 'm'))
  })

  it('is as long as a variable of OpenTelemetry allows where there is room for it', () => {
    const { settings, warnings } = run([...endpoint, '--otlp-interval', '60'], { OTEL_METRIC_EXPORT_TIMEOUT: '30000' })
    expect([settings.otlpTimeoutMs, warnings]).toEqual([30_000, []])
  })

  it('is accepted where nothing is pushed; without a timeout an interval alone decides', () => {
    expect(run(['--otlp-timeout', '60']).settings.otlpTimeoutMs).toBe(60_000)
    const timeoutMs = (flags: readonly string[]) => pushOptionsOf(run([...endpoint, ...flags]).settings, {})?.timeoutMs
    expect([timeoutMs([]), timeoutMs(['--otlp-interval', '0.1']), timeoutMs(['--otlp-interval', '60'])]).toEqual([9_000, 90, 10_000])
    expect(timeoutMs(['--otlp-timeout', '9'])).toBe(9_000)
  })
})

it('refuses one file for what is written by different parts, and one place for two nodes', () => {
  expect(refusal(['--journal', '/var/x/y', '--log-file', '/var/x/../x/y', '--record', '/var/x/y']).problems).toContain(
    '--journal: "/var/x/y" is also the file of --log-file and --record; give each its own',
  )
  expect(refusal(['--node', 'a=/x', '--node', 'b=/x']).problems.join()).toContain('must not give one path two names')
})

it('refuses what the log source cannot do', () => {
  expect(refusal(['--debug-log', '/x/debug.log']).problems).toEqual(['--debug-log: works only together with --source log'])
  expect(refusal(['--source', 'log', '--ring-size', '1MiB', '--tracepoints', 'auto,mempool', '--count-runs']).problems).toEqual([
    '--ring-size: has no effect with --source: the kernel is not used; leave it out',
    '--count-runs: has no effect with --source: the kernel is not used; leave it out',
    '--tracepoints: debug.log tells nothing of mempool (--source)',
  ])
  expect(refusal(['--source', 'log', '--debug-log', '/x/debug.log', '--pid', '7', '--node', 'a=/x']).problems).toEqual([
    '--pid: no process is looked for with --debug-log; leave one of them out',
    '--node: no process is looked for with --debug-log; leave one of them out',
  ])
  expect(refusal(['--source', 'logs']).problems).toEqual(['--source: must be kernel or log, not "logs"'])
  expect(run(['--source', 'log', '--debug-log', '/x/debug.log', '--node-name', 'a']).settings).toMatchObject({
    source: 'log',
    nodeName: 'a',
  })
})
