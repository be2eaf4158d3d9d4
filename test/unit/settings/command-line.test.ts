import { describe, expect, it } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { file, printed, refusal, run } from './settings.ts'

describe('command lines of the exporter it replaces', () => {
  it.each([
    [['--bitcoind', '/usr/local/bin/bitcoind'], { bitcoind: '/usr/local/bin/bitcoind' }],
    [['-b', '/opt/bitcoind', '-p', '4242', '-n', 'fra1'], { bitcoind: '/opt/bitcoind', pid: 4242, nodeName: 'fra1' }],
    [['-b/opt/bitcoind', '-p4242', '-nfra1'], { bitcoind: '/opt/bitcoind', pid: 4242, nodeName: 'fra1' }],
    [['-p=4242', '--port=9500', '--health-port=9501'], { pid: 4242, port: 9500, healthPort: 9501 }],
    [['-vn', 'fra1'], { verbose: true, nodeName: 'fra1' }],
    [['--verbose', '--log-level', 'DEBUG'], { verbose: true, logLevel: 'DEBUG' }],
    [
      ['--metrics-auth-username', 'ann', '--metrics-auth-password', 'secret'],
      { metricsAuthUsername: 'ann', metricsAuthPassword: 'secret' },
    ],
    [['--port', '9500', '--port', '9600'], { port: 9600 }],
  ])('%j', (argv, expected) => {
    expect(run(argv).settings).toMatchObject(expected)
  })
})

describe('beginnings of flags', () => {
  it.each([
    [['--node', 'fra1'], { nodeName: 'fra1' }],
    [['--nod=fra1'], { nodeName: 'fra1' }],
    [['--w', '--s', '60'], { waitForTarget: true, slowThresholdMs: 60 }],
    [['--web', '/dev/null', '--soc', '600'], { webConfigFile: '/dev/null', socketMode: 0o600 }],
    [['--b', '/x', '--po', '9500', '--hea', '9501', '--verb'], { bitcoind: '/x', port: 9500, healthPort: 9501, verbose: true }],
    [['--metrics-auth-u', 'ann', '--metrics-auth-p', 'secret'], { metricsAuthUsername: 'ann', metricsAuthPassword: 'secret' }],
    [['--no-w'], { waitForTarget: false }],
  ])('%j', (argv, expected) => {
    expect(run(argv).settings).toMatchObject(expected)
  })

  it('keep --config although --config.check begins with it', async () => {
    expect(run(['--conf', file('pid: 7')]).settings.pid).toBe(7)
    expect(await printed(['--config.c'])).toContain('configuration is valid')
  })

  it.each([
    [['--p', '1'], '--p: could be --pid, --port, --peer-label, --pending-timeout'],
    [['--no', '1'], '--no: could be --node-name, --node, --no-wait, --no-count-runs, --no-drop-capabilities, --no-alerts, --no-verbose'],
    [['--no', 'x=/y'], '--no: could be --node-name, --node, --no-wait, --no-count-runs, --no-drop-capabilities, --no-alerts, --no-verbose'],
    [['--n=fra1'], '--n: could be --node-name, --node, --no-wait, --no-count-runs, --no-drop-capabilities, --no-alerts, --no-verbose'],
  ])('are refused with the candidates when they could mean several: %j', (argv, problem) => {
    const { problems, exitCode } = refusal(argv)
    expect({ problems, exitCode }).toEqual({ problems: [problem], exitCode: 2 })
  })
})

it('takes several nodes by name, and the name of the only one', () => {
  const { settings } = run(['--node', 'a=/srv/a', '--node=b=/srv/b=2', '--node-name', 'fra1'])
  expect(settings.nodeName).toBe('fra1')
  expect(settings.nodes).toEqual([
    { name: 'a', path: '/srv/a' },
    { name: 'b', path: '/srv/b=2' },
  ])
})

it('switches on, off, and by value', () => {
  expect(run(['--no-wait', '-v']).settings).toMatchObject({ waitForTarget: false, verbose: true })
  expect(run(['--wait=no', '--verbose', '--no-verbose']).settings).toMatchObject({ waitForTarget: false, verbose: false })
})

it('takes a plain name that --node gives, with a warning', () => {
  const warning = '--node NAME=PATH names a node by its data directory; for the plain name write --node-name'
  expect(run(['--node', 'fra1'])).toMatchObject({ settings: { nodeName: 'fra1' }, warnings: [warning] })
  expect(run(['--node', 'fra1', '--node', 'fra1']).warnings).toEqual([warning])
  for (const argv of [
    ['--node-name', 'fra1'],
    ['--node', 'fra1=/srv/fra1'],
  ])
    expect(run(argv).warnings).toEqual([])
})

describe('is refused with exit code 2', () => {
  it.each([
    [['--prot', '1'], ['--prot: there is no such flag; did you mean --port?']],
    [['--metrics-port=1'], ['--metrics-port: there is no such flag; did you mean --port?']],
    [['--versoin'], ['--versoin: there is no such flag; did you mean --version?']],
    [['--frobnicate'], ['--frobnicate: there is no such flag']],
    [['-xyz'], ['-x: there is no such flag']],
    [['start'], ['"start": there is no such command; settings are given as --flag value']],
    [['--', '--port'], ['"--port": there is no such command; settings are given as --flag value']],
    [['--port', 'abc'], ['--port: must be a whole number from 0 to 65535, not "abc"']],
    [['--port', '65536'], ['--port: must be a whole number from 0 to 65535, not "65536"']],
    [['--pid', '-5'], ['--pid: must be a whole number from 0 to 4194304, not "-5"']],
    [['--health-port', '9.5'], ['--health-port: must be a whole number from 0 to 65535, not "9.5"']],
    [['--port'], ['--port: needs a value; one that begins with - is given as --port=VALUE']],
    [['--node-name', '--port', '1'], ['--node-name: needs a value; one that begins with - is given as --node-name=VALUE']],
    [['--bitcoind', ''], ['--bitcoind: must not be empty']],
    [['--log-level', 'TRACE'], ['--log-level: must be DEBUG, INFO, WARNING or ERROR, not "TRACE"']],
    [['--verbose=maybe'], ['--verbose: must be true or false, not "maybe"']],
    [['--no-wait=1'], ['--no-wait: takes no value']],
    [
      ['--listen-address', '0.0.0.0:9435'],
      ['--listen-address: must be an IP address or a host name, without a port, or unix:PATH, not "0.0.0.0:9435"'],
    ],
    [['--ring-size', '8 loaves'], ['--ring-size: must be a size such as 8MiB or 8388608, not "8 loaves"']],
    [['--ring-size', '4096'], ['--ring-size: must be at least 256KiB, not "4096"']],
    [['--ring-size', '2GiB'], ['--ring-size: must be at most 1GiB, not "2GiB"']],
    [
      ['--tracepoints', 'net,mempol'],
      [
        '--tracepoints: must be of auto, all, fibre, validation, net, mempool, utxocache, with commas between (did you mean mempool?), not "net,mempol"',
      ],
    ],
    [
      ['--tracepoints', 'net,'],
      ['--tracepoints: must be of auto, all, fibre, validation, net, mempool, utxocache, with commas between, not "net,"'],
    ],
    [['--otlp-endpoint', 'collector:4318'], ['--otlp-endpoint: must be an address that begins with http:// or https://']],
    [['--otlp-interval', '0'], ['--otlp-interval: must be a number of seconds from 0.1 to 3600, not "0"']],
    [['--node', '/srv/alpha'], ['--node: must be NAME=PATH, not "/srv/alpha"; write --node NAME=/srv/alpha']],
    [
      ['--node', 'a', '--node', 'b=/srv/b'],
      ['--node: must be NAME=PATH, not "a"; write --node a=PATH, with its data directory or executable'],
    ],
    [
      ['--node', 'a', '--node', 'b'],
      ['a', 'b'].map(
        (name) => `--node: must be NAME=PATH, not "${name}"; write --node ${name}=PATH, with its data directory or executable`,
      ),
    ],
    [['--node', '=/x'], ['--node: must be NAME=PATH, not "=/x"']],
    [['--node', 'a=/x', '--node', 'a=/y'], ['--node: must not give one name twice, not "a=/x", "a=/y"']],
    [['--node', 'a=/x', '--node', 'b=data/b'], ['--node: must have a path that begins with /, not "b=data/b"']],
    [
      ['--node', 'a=/srv/a,b=/srv/b'],
      ['--node: must be one NAME=PATH: repeat --node for each node (FIBRE_NODES takes commas, the file a map), not "a=/srv/a,b=/srv/b"'],
    ],
  ])('%j', (argv, problems) => {
    const error = refusal(argv)
    expect(error.problems).toEqual(problems)
    expect(error.exitCode).toBe(2)
  })
})

it('takes commas and equals signs in the path of a node', () => {
  expect(run(['--node', 'a=/srv/a,b/c=d']).settings.nodes).toEqual([{ name: 'a', path: '/srv/a,b/c=d' }])
})

it('lists every problem of every source at once', () => {
  const config = file('metrics_prot: 1\nhealth_port: x\n')
  const error = refusal(['--port', 'x', '--frobnicate', '-c', config, '--tls-cert', '/nowhere.crt'], {
    FIBRE_PID: 'x',
    FIBRE_METRICS_AUTH_USERNAME: 'ann',
  })
  expect(error.problems).toEqual([
    '--port: must be a whole number from 0 to 65535, not "x"',
    '--frobnicate: there is no such flag',
    'FIBRE_PID: must be a whole number from 0 to 4194304, not "x"',
    `${config}:1:1 (metrics_prot): there is no such setting; did you mean metrics_port?`,
    `${config}:2:1 (health_port): must be a whole number from 0 to 65535, not "x"`,
    'FIBRE_METRICS_AUTH_USERNAME: works only together with --metrics-auth-password (FIBRE_METRICS_AUTH_PASSWORD, metrics_auth_password); give that too, or neither',
    '--tls-cert: works only together with --tls-key (FIBRE_TLS_KEY, tls_key); give that too, or neither',
    '--tls-cert: "/nowhere.crt" does not exist',
  ])
  for (const problem of error.problems) expect(error.message).toContain(problem)
})

it('prints the version, and the help even when other words are wrong', async () => {
  expect(await printed(['--version'])).toBe(`fibre-agent ${manifest.version}`)
  expect(await printed(['--vers'])).toBe(`fibre-agent ${manifest.version}`)
  expect(await printed(['-h'])).toContain('--bitcoind PATH')
  expect(await printed(['--port', 'x', '--help'])).toBe(await printed(['-h']))
})
