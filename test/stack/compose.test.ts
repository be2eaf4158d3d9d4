import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isScalar, parse, parseDocument, type YAMLMap } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { blocks } from '../package/page.ts'
import { type Program, stackBinary } from './binaries.ts'
import { buildComposecheck, loadProject, type Service } from './compose.ts'
import { requirePrograms } from './requirements.ts'

const root = join(import.meta.dirname, '../..')
const file = join(root, 'compose.yaml')
const source = readFileSync(file, 'utf8')
const passwords = { GRAFANA_ADMIN_PASSWORD: 'password-of-grafana', FIBRE_METRICS_AUTH_PASSWORD: 'password-of-the-agent' }
const always = ['collector', 'grafana', 'loki', 'prepare']

let folder: string
let composecheck: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'compose-'))
  composecheck = buildComposecheck(folder)
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true }))

const load = (variables: Readonly<Record<string, string>>) => loadProject(composecheck, file, variables).services
/** Every service of every profile, with its name. */
const all = () => Object.entries(load({ ...passwords, COMPOSE_PROFILES: '*' }))

/** Loads a copy in which some text is another. */
function loadWith(from: string, to: string) {
  expect(source).toContain(from)
  const copy = join(folder, 'compose.yaml')
  writeFileSync(copy, source.replace(from, to))
  return loadProject(composecheck, copy, passwords)
}

describe('docker compose', () => {
  it('starts what pushes when nothing but the password is set, and when push is asked for', () => {
    const { GRAFANA_ADMIN_PASSWORD } = passwords
    expect(Object.keys(load({ GRAFANA_ADMIN_PASSWORD })).sort()).toEqual(['agent', ...always, 'prometheus'].sort())
    expect(load({ GRAFANA_ADMIN_PASSWORD, COMPOSE_PROFILES: 'push' })).toEqual(load({ GRAFANA_ADMIN_PASSWORD }))
  })

  it('starts what scrapes instead when scrape is asked for', () => {
    expect(Object.keys(load({ ...passwords, COMPOSE_PROFILES: 'scrape' })).sort()).toEqual(
      ['agent-scrape', ...always, 'prometheus-scrape'].sort(),
    )
  })

  it('keeps logs in VictoriaLogs as well when that is asked for, and sends them where LOGS_OTLP says', () => {
    const LOGS_OTLP = 'http://victorialogs:9428/insert/opentelemetry'
    const services = load({ ...passwords, COMPOSE_PROFILES: 'push,victorialogs', LOGS_OTLP })
    expect(Object.keys(services).sort()).toEqual(['agent', ...always, 'prometheus', 'victorialogs'].sort())
    expect(services.collector?.environment?.LOGS_OTLP).toBe(LOGS_OTLP)
  })

  it('is started by the installation page with variables that it has', () => {
    const commands = blocks.filter(({ needs }) => needs === 'docker').flatMap(({ commands }) => commands.split('\n'))
    const [up = '', ...others] = commands.filter((command) => command.includes('docker compose up'))
    expect(others).toEqual([])
    const variables = [...up.matchAll(/(\w+)=/g)].map(([, name]) => name)
    expect(variables).toContain('GRAFANA_ADMIN_PASSWORD')
    for (const name of variables) expect(source).toContain(`\${${name}:`)
  })

  it('refuses to start without a password for Grafana', () => {
    const message = /required variable GRAFANA_ADMIN_PASSWORD is missing a value: GRAFANA_ADMIN_PASSWORD must be set$/
    expect(() => load({})).toThrow(message)
    expect(() => load({ GRAFANA_ADMIN_PASSWORD: '' })).toThrow(message)
  })

  it('refuses a file with an unknown key, volume or service', () => {
    expect(() => loadWith('pid: host', 'pidd: host')).toThrow('.pidd false schema') // of either agent
    expect(() => loadWith('- loki:/loki', '- lokki:/loki')).toThrow('undefined volume lokki')
    expect(() => loadWith('depends_on: { prepare:', 'depends_on: { prepared:')).toThrow('undefined service "prepared"')
  })
})

describe('services', () => {
  it('run images of one exact version, and ours of the version that this is', () => {
    for (const [name, { image, build }] of all()) {
      expect(image, name).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+$/)
      if (build) expect(image, name).toBe(`fibre-agent:${manifest.version}`)
    }
  })

  it('are reachable from this machine only, but for Grafana', () => {
    const open = all().flatMap(([name, { ports = [] }]) => ports.filter(({ host_ip }) => host_ip !== '127.0.0.1').map(() => name))
    expect(open).toEqual(['grafana'])
    expect(all().map(([, { network_mode }]) => network_mode)).not.toContain('host')
  })

  it('have no privileges beyond what they are for', () => {
    const agent = { cap_add: ['BPF', 'PERFMON'], pid: 'host', security_opt: ['apparmor=unconfined'] }
    const nothing = { cap_add: undefined, pid: undefined, security_opt: ['no-new-privileges=true'] }
    const expected: Readonly<Record<string, object>> = {
      agent,
      'agent-scrape': agent,
      prepare: { ...nothing, cap_add: ['CHOWN'] },
    }
    for (const [name, service] of all()) {
      expect(service.privileged, name).toBeUndefined()
      expect(service.cap_drop, name).toEqual(['ALL'])
      const { cap_add, pid, security_opt } = service
      expect({ cap_add, pid, security_opt }, name).toEqual(expected[name] ?? nothing)
    }
  })

  it('run as bitcoind where they look at it or read its files', () => {
    const services = load({
      ...passwords,
      COMPOSE_PROFILES: '*',
      BITCOIN_UID: '1234',
      BITCOIN_GID: '567',
      BITCOIN_DATA_DIR: '/srv/bitcoin',
    })
    for (const name of ['agent', 'agent-scrape', 'collector']) expect(services[name]?.user, name).toBe('1234:567')
    expect(services.prepare?.user).toBe('0:0')
    expect(services.collector?.volumes).toContainEqual(
      expect.objectContaining({ source: '/srv/bitcoin', target: '/bitcoin', read_only: true, bind: { create_host_path: false } }),
    )
    const mounting = Object.entries(services).filter(([, { volumes = [] }]) => volumes.some(({ source }) => source === '/srv/bitcoin'))
    expect(mounting.map(([name]) => name)).toEqual(['collector'])
  })

  it('get no password but as a secret of the one that needs it', () => {
    const text = JSON.stringify(all())
    for (const password of Object.values(passwords)) expect(text).not.toContain(password)
    const secrets = all().flatMap(([name, { secrets = [] }]) => secrets.map((secret) => [name, secret.source, secret.mode]))
    expect(secrets.sort()).toEqual([
      ['agent-scrape', 'metrics_password', '0444'],
      ['grafana', 'grafana_admin_password', '0444'],
      ['prometheus-scrape', 'metrics_password', '0444'],
    ])
  })

  it('have a file system of their own that is read-only, unless Compose has to put a secret there', () => {
    for (const [name, { read_only = false, secrets }] of all()) expect(read_only, name).toBe(!secrets)
  })

  it('are restarted, bounded in memory and asked after, or it is said why not', () => {
    const remarks = remarksOnServices()
    for (const [name, service] of all()) {
      expect(service.mem_limit, name).toBeDefined()
      if (name === 'prepare') continue // runs once
      expect(service.restart, name).toBe('unless-stopped')
      // What we build is asked after by its image, see image.test.ts.
      if (!service.healthcheck && !service.build) expect(remarks.get(name), name).toMatch(/^ No healthcheck: \w+/)
    }
  })
})

describe('what services are given', () => {
  it('is in the tree and read-only', () => {
    const mounted = all().flatMap(([, { volumes = [] }]) =>
      volumes.filter(({ type, source }) => type === 'bind' && source.startsWith(root)),
    )
    expect(mounted.length).toBeGreaterThan(0)
    for (const { source, read_only } of mounted) {
      expect(existsSync(source), source).toBe(true)
      expect(read_only, source).toBe(true)
    }
  })

  it.each([
    ['collector', 'config.yaml', 'env:'],
    ['loki', 'loki.yaml', ''],
  ])('are variables that the configuration knows: %s', (name, configuration, prefix) => {
    const text = readFileSync(join(root, 'collector', configuration), 'utf8')
    for (const variable of Object.keys(serviceOf(name).environment ?? {})) expect(text).toContain(`\${${prefix}${variable}:-`)
  })

  it.for<[Program, string, ...string[]]>([
    ['otelcol', 'collector', 'validate'],
    ['loki', 'loki', '-verify-config'],
    ['promtool', 'prometheus', 'check', 'config'],
    ['promtool', 'prometheus-scrape', 'check', 'config', '--syntax-only'], // the password's file is in the container
  ])('is accepted by the program itself: %s for %s', async ([binary, name, ...verb], context) => {
    await requirePrograms(context, binary)
    const program = stackBinary(binary) as string
    const { command = [], environment = {} } = serviceOf(name)
    const flags = command.map((word) => outside(name, word))
    const words = binary === 'promtool' ? [flags[0]?.replace('--config.file=', '') as string] : flags
    const { status, stdout, stderr } = spawnSync(program, [...verb, ...words], { env: environment, encoding: 'utf8' })
    expect(status, stdout + stderr).toBe(0)
  })

  it('lets Prometheus scrape the agent as collector/prometheus-scrape.yaml does, by its name and with the password', () => {
    const shipped = parse(readFileSync(join(root, 'collector/prometheus-scrape.yaml'), 'utf8'))
    const agent = serviceOf('agent-scrape')
    const prometheus = serviceOf('prometheus-scrape')
    expect(prometheus.command).toContain(`--config.file=${prometheus.configs?.[0]?.target}`)
    expect(parse(contentOf('prometheus-scrape'))).toEqual({
      ...shipped,
      scrape_configs: [
        {
          ...shipped.scrape_configs[0],
          static_configs: [{ targets: [`${agent.networks?.default?.aliases?.[0]}:9435`] }],
          basic_auth: { username: agent.environment?.FIBRE_METRICS_AUTH_USERNAME, password_file: prometheus.secrets?.[0]?.target },
        },
      ],
    })
    expect(agent.environment?.FIBRE_METRICS_AUTH_PASSWORD_FILE).toBe(agent.secrets?.[0]?.target)
  })
})

function serviceOf(name: string): Service {
  const [, service] = all().find(([key]) => key === name) ?? []
  if (!service) throw new Error(`no service ${name}`)
  return service
}

/** The text that compose.yaml holds for a service. */
const contentOf = (config: string) =>
  loadProject(composecheck, file, { ...passwords, COMPOSE_PROFILES: '*' }).configs[config]?.content as string

/** A word of a service's command line, with the path out here of what is mounted there. */
function outside(name: string, word: string): string {
  const { volumes = [], configs = [] } = serviceOf(name)
  const mounted = volumes.find(({ type, target }) => type === 'bind' && word.endsWith(`=${target}`))
  if (mounted) return word.replace(mounted.target, mounted.source)
  const written = configs.find(({ target }) => word.endsWith(`=${target}`))
  if (!written) return word
  // As far from the rules as it is in the container.
  cpSync(join(root, 'dashboards/alerts.yaml'), join(folder, 'dashboards/alerts.yaml'))
  const copy = join(mkdirSync(join(folder, 'prometheus'), { recursive: true }) ?? join(folder, 'prometheus'), 'prometheus.yaml')
  writeFileSync(copy, contentOf(written.source))
  return word.replace(written.target, copy)
}

/** The comment before each service, by its name. */
function remarksOnServices() {
  const { items } = parseDocument(source, { merge: true }).get('services') as YAMLMap
  return new Map(items.map(({ key }) => (isScalar(key) ? [String(key.value), key.commentBefore ?? ''] : ['', ''])))
}
