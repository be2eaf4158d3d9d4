import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const bundle = join(root, 'dist/main.cjs')
const text = readFileSync(join(root, 'dist/agent.cjs'), 'utf8')
/** Packages of which the source map says that something is in the bundle. */
const { sources } = JSON.parse(readFileSync(`${bundle}.map`, 'utf8')) as { readonly sources: readonly string[] }
const packages = new Set(sources.flatMap((source) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source)?.[0] ?? []))

it('knows packages to look for', () => {
  expect([...packages]).toEqual(
    expect.arrayContaining(['node_modules/pino', 'node_modules/zod', 'node_modules/@opentelemetry/sdk-metrics']),
  )
})

it.each([...packages])('has the licence text of %s beside the bundle, in what starts it', (path) => {
  const { name, version } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Readonly<Record<string, string>>
  expect(text).toMatch(new RegExp(`^(.*, )?${RegExp.escape(`${name} ${version}`)}(,.*)?$`, 'm'))
  const licences = readdirSync(join(root, path)).filter((file) => /^licen[cs]e/i.test(file))
  expect(licences).not.toEqual([])
  for (const file of licences) expect(text).toContain(readFileSync(join(root, path, file), 'utf8').trim())
})
