import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const schema = join(import.meta.dirname, 'schema.ts')
const compiler = join(root, 'node_modules/.bin/tsc')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dashboards-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

it("every dashboard in JSON is what the SDK's types, made from Grafana's schema, allow, with no key more", () => {
  const files = globSync('dashboards/{json,import}/*.json', { cwd: root })
  expect(files.length).toBeGreaterThan(7)
  expect(complaints(files.map((file) => readFileSync(join(root, file), 'utf8')))).toBe('')
}, 60_000)

it.each([
  ['an option that there is not', '"graphMode": "none"', '"graphMood": "none"', `'"graphMood"' does not exist`],
  ['a value that an option does not take', '"colorMode": "value"', '"colorMode": "loud"', `'"loud"' is not assignable`],
  ['a query with a key that there is not', '"legendFormat":', '"legend":', `'"legend"' does not exist`],
  ['a kind of panel that we do not know', '"type": "timeseries"', '"type": "graph"', `'"graph"' is not assignable`],
])(
  'finds %s',
  (_, from, to, complaint) => {
    const text = readFileSync(join(root, 'dashboards/json/fibre-relay.json'), 'utf8')
    expect(text).toContain(from)
    expect(complaints([text.replace(from, to)])).toContain(complaint)
  },
  60_000,
)

/** Errors of the compiler for these texts as values of that type. */
function complaints(dashboards: readonly string[]): string {
  const values = dashboards.map((text, index) => {
    const { __inputs, ...dashboard } = JSON.parse(text) // which only a dashboard to be imported has, and loses by it
    return `export const dashboard${index}: DashboardJson = ${JSON.stringify(dashboard)}`
  })
  writeFileSync(join(folder, 'check.mts'), [`import type { DashboardJson } from ${JSON.stringify(schema)}`, ...values].join('\n'))
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { types: [], rewriteRelativeImportExtensions: false },
    include: ['check.mts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  return spawnSync(compiler, ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' }).stdout
}
