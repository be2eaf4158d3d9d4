import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { dashboards } from './read.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => parse(readFileSync(join(root, path), 'utf8'), { merge: true })

const { services } = read('compose.yaml')
const sources = read('dashboards/provisioning/datasources/fibre.yaml').datasources as readonly { uid: string; type: string; url: string }[]
const [provider] = read('dashboards/provisioning/dashboards/fibre.yaml').providers

/** The path in Grafana's container of a path in this repository. */
function inGrafana(path: string): string | undefined {
  const mounts = (services.grafana.volumes as readonly string[]).map((volume) => volume.split(':'))
  return mounts.find(([source]) => source === `./${path}`)?.[1]
}

it('gives Grafana both data sources under fixed uids, at the services that there are', () => {
  expect(sources.map(({ uid, type }) => [uid, type])).toEqual([
    ['prometheus', 'prometheus'],
    ['loki', 'loki'],
  ])
  for (const { uid, url } of sources) {
    const { hostname, port } = new URL(url)
    expect(hostname).toBe(uid)
    expect(services[hostname].ports).toContain(`127.0.0.1:${port}:${port}`)
  }
})

it('puts everything where Grafana looks for it', () => {
  expect(inGrafana('dashboards/provisioning/datasources')).toBe('/etc/grafana/provisioning/datasources')
  expect(inGrafana('dashboards/provisioning/dashboards')).toBe('/etc/grafana/provisioning/dashboards')
  expect(provider.options.path).toBe(inGrafana('dashboards/json'))
  const home = services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH
  expect(dashboards.map(({ file }) => `${inGrafana('dashboards/json')}/${file.replace('json/', '')}`)).toContain(home)
})

it('does not provision what has to be told its data source first', () => {
  const provisioned = globSync('**/*.json', { cwd: join(root, 'dashboards/json') }).map((file) => `json/${file}`)
  for (const { file, __inputs } of dashboards) expect(provisioned.includes(file), file).toBe(__inputs === undefined)
})
