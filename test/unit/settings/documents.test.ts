import { expect, it } from 'vitest'
import { exampleYaml, settingsTable } from '../../../agent/settings/document.ts'
import { keys, options } from '../../../agent/settings/schema.ts'
import { file, printed, run } from './settings.ts'

it('explains every setting in the help, at 80 columns', async () => {
  const help = await printed(['--help'])
  for (const key of keys) {
    const { flag, env, placeholder } = options[key]
    expect(help).toMatch(placeholder ? `--${flag} ${placeholder}\n` : `--[no-]${flag}\n`)
    expect(help).toContain(env)
  }
  for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
  expect(help).toContain('everybody on this machine can read it')
  expect(help).toContain('[default 9435; environment FIBRE_METRICS_PORT; file metrics_port, port]')
})

it('has a row for every setting in the table', () => {
  const rows = settingsTable().split('\n')
  expect(rows).toHaveLength(2 + keys.length)
  for (const row of rows) expect(row.split(' | ')).toHaveLength(6)
  expect(rows[0]).toBe('| Setting | Flag | Environment | YAML | Default | Meaning |')
  expect(rows).toContain(
    '| `port` | `--port` | `FIBRE_METRICS_PORT` | `metrics_port`, `port` | `9435` | Port of /metrics and the page; 0 takes any free port. |',
  )
})

it('gives an example file that sets nothing, and works when its settings are taken', () => {
  const example = exampleYaml()
  const untouched = file(example)
  expect(run(['-c', untouched]).settings).toEqual({ ...run([]).settings, config: untouched })

  // Files that are on the operator's machine only, and the second of two ways to give a secret.
  const taken = example.replace(
    /^#(?=\w+: )(?!tls_|log_file|metrics_auth_password_file|alert_webhook_headers_file|web_config_file|debug_log)/gm,
    '',
  )
  const { settings, sources } = run(['-c', file(taken)])
  expect(settings).toMatchObject({
    bitcoind: '/usr/local/bin/bitcoind',
    port: 9435,
    metricsAuthUsername: 'prometheus',
    otlpIntervalMs: 10_000,
  })
  expect(Object.values(sources).filter((where) => where.includes('config.yaml:'))).toHaveLength(keys.length - 8)
})

it('shows with --config.check what the settings come to, and from where', async () => {
  const config = file('node_name: fra1\n')
  const text = await printed(['--config.check', '--port', '9500', '--node', 'a=/srv/a', '-c', config], {
    FIBRE_LOG_LEVEL: 'debug',
    FIBRE_X: '1',
  })
  const lines = text.split('\n').map((line) => line.replace(/ {2,}/g, ' '))
  expect(lines.slice(0, 2)).toEqual(['# configuration is valid', '# warning: FIBRE_X: there is no such setting, it is ignored'])
  expect(lines).toEqual(
    expect.arrayContaining([
      'metrics_port: 9500 # --port',
      'nodes: { a: /srv/a } # --node',
      'log_level: debug # FIBRE_LOG_LEVEL',
      `node_name: fra1 # ${config}:1:1 (node_name)`,
      'health_port: 9436 # default',
      '#bitcoind_path: # not set',
    ]),
  )
})
