import { describe, expect, it } from 'vitest'
import { keys, options } from '../../../agent/settings/schema.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { file, refusal, run } from './settings.ts'

it('reads a file of the exporter it replaces', () => {
  const path = file(`
bitcoind_path: /usr/local/bin/bitcoind
pid: null
node_name: mynode
metrics_port: 9500
health_port: "9501"
verbose: yes
log_level: DEBUG
metrics_auth_username: prometheus
metrics_auth_password: 0123
`)
  expect(run(['--config', path]).settings).toMatchObject({
    bitcoind: '/usr/local/bin/bitcoind',
    pid: 0,
    nodeName: 'mynode',
    port: 9500,
    healthPort: 9501,
    verbose: true,
    logLevel: 'DEBUG',
    metricsAuthUsername: 'prometheus',
    metricsAuthPassword: '0123',
  })
})

it('knows the short names bitcoind and port', () => {
  expect(run(['-c', file('bitcoind: /x\nport: 9500')]).settings).toMatchObject({ bitcoind: '/x', port: 9500 })
})

it('takes nodes as a map, and values by alias', () => {
  expect(
    run(['-c', file('node_name: &n fra1\nnodes:\n  alpha: /srv/alpha\n  beta: "/srv/b c"\nlisten_address: *n')]).settings,
  ).toMatchObject({
    nodeName: 'fra1',
    listenAddresses: ['fra1'],
    nodes: [
      { name: 'alpha', path: '/srv/alpha' },
      { name: 'beta', path: '/srv/b c' },
    ],
  })
})

it('takes a list for every setting of several values', () => {
  const yaml = `
listen_address: [127.0.0.1, "::1"]
allowed_hosts: [a.example, b.example]
users:
  - root
  - 65534
tracepoints: [auto, mempool]
alert_webhook_headers:
  - "Authorization: Bearer x"
  - "X-Scope: fibre"
`
  expect(run(['-c', file(yaml)]).settings).toMatchObject({
    listenAddresses: ['127.0.0.1', '::1'],
    allowedHosts: ['a.example', 'b.example'],
    users: ['root', '65534'],
    tracepoints: ['fibre', 'validation', 'net', 'mempool'],
    alertWebhookHeaders: { Authorization: 'Bearer x', 'X-Scope': 'fibre' },
  })
  const several = keys.filter((key) => /comma-separated|per line|[Rr]epeat the flag/.test(options[key].help))
  expect(several).toEqual(keys.filter((key) => options[key].separator !== undefined || options[key].many !== undefined))
})

it.each(['', '# only a comment\n', '{}', 'pid:\nnode_name: ""\nport: ~\nnodes:\n'])('takes %j as a file that sets nothing', (yaml) => {
  const path = file(yaml)
  expect(run(['-c', path]).settings).toEqual({ ...run([]).settings, config: path })
})

it('may be named by the environment', () => {
  expect(run([], { FIBRE_CONFIG: file('pid: 7') }).settings.pid).toBe(7)
})

describe('is refused with exit code 2', () => {
  it.each([
    ['metrics_prot: 1', ':1:1 (metrics_prot): there is no such setting; did you mean metrics_port?'],
    ['pid: 1\nnode-name: x', ':2:1 (node-name): there is no such setting; did you mean node_name?'],
    ['frobnicate: 1', ':1:1 (frobnicate): there is no such setting'],
    ['config: x', ':1:1 (config): there is no such setting'],
    ['pid: 1\n\nmetrics_port: 9435x', ':3:1 (metrics_port): must be a whole number from 0 to 65535, not "9435x"'],
    ['verbose: 2', ':1:1 (verbose): must be true or false, not "2"'],
    ['port: 1\nmetrics_port: 2', ':2:1 (metrics_port): set already at <file>:1:1 (port), keep one of them'],
    ['pid: [1, 2]', ':1:1 (pid): must be a single value; put quotes around text with special characters'],
    ['users: []', ':1:1 (users): must be a list of single values; put quotes around text with special characters'],
    [
      'alert_webhook_headers: [A: b]',
      ':1:1 (alert_webhook_headers): must be a list of single values; put quotes around text with special characters',
    ],
    ['users: [root, "1000,1001"]', ':1:1 (users): must be a list of single values: one has a comma in it'],
    [
      'alert_webhook_headers: ["A: b\\nX-Scope: fibre"]',
      ':1:1 (alert_webhook_headers): must be a list of single values: one has a line break in it',
    ],
    ['nodes: /srv/alpha', ':1:1 (nodes): must be a map of names to paths'],
    ['nodes: { alpha: [/srv/alpha, /srv/beta] }', ':1:1 (nodes): must be a map of names to paths, one path for each'],
    ['nodes: { alpha: { path: /srv/alpha } }', ':1:1 (nodes): must be a map of names to paths, one path for each'],
    ['nodes: { [alpha, beta]: /srv/alpha }', ':1:1 (nodes): must be a map of names to paths, one path for each'],
    ['nodes: { alpha: }', ':1:1 (nodes): must be NAME=PATH, not "alpha="'],
    ['nodes: { alpha: data/alpha }', ':1:1 (nodes): must have a path that begins with /, not "alpha=data/alpha"'],
    ['[pid]: 1', ':1:1: the name of a setting must be plain text'],
    ['- pid', ': must be a map of settings, such as "metrics_port: 9435"'],
    ['nonsense', ': must be a map of settings, such as "metrics_port: 9435"'],
    ['pid: 1\npid: 2', ':2:1: not valid YAML: Map keys must be unique'],
    ['pid: "1', ':1:8: not valid YAML: Missing closing "quote'],
    ['pid: 1\n---\npid: 2', ':2:1: not valid YAML: Source contains multiple documents'],
  ])('%j', (yaml, problem) => {
    const path = file(yaml)
    const error = refusal(['-c', path])
    expect(error.problems).toEqual([path + problem.replace('<file>', path)])
    expect(error.exitCode).toBe(2)
  })

  it('when it does not exist', () => {
    expect(refusal(['-c', '/nowhere/config.yaml']).problems).toEqual([
      '--config: the configuration file "/nowhere/config.yaml" does not exist',
    ])
    expect(refusal(['-c', '/nowhere/config.yaml']).exitCode).toBe(2)
  })

  it('when it is a directory', () => {
    const path = temporaryDirectory()
    expect(refusal([], { FIBRE_CONFIG: path }).problems).toEqual([
      `FIBRE_CONFIG: the configuration file "${path}" is a directory, not a file`,
    ])
  })

  it('without complaining of the half that may stand in it', () => {
    expect(refusal(['-c', '/nowhere', '--metrics-auth-username', 'ann']).problems).toHaveLength(1)
  })
})

it('takes the file of the older slow-block recorder', () => {
  const path = file('db_path: /var/lib/slow.sqlite\nslow_threshold_ms: 20\npending_timeout_sec: 30\nalert_enabled: false\n')
  const { settings, warnings } = run(['--config', path])
  expect(settings).toMatchObject({ slowThresholdMs: 20, pendingTimeoutMs: 30_000, alerts: false })
  expect(warnings).toEqual([`${path}:1:1 (db_path): has no effect: blocks are kept in the journal, there is no database`])
})
