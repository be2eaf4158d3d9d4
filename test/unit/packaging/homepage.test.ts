import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { controlOf } from '../../../agent/packaging/debian/deb.ts'
import { withDocumentation } from '../../../agent/packaging/tree.ts'

const release = { version: '1.2.3', epoch: 0 }
const unit = readFileSync(join(import.meta.dirname, '../../../agent/packaging/systemd/fibre-agent.service'), 'utf8')
const homepage = 'https://fibre.example.org/agent'

it('names the homepage in the package and its units', () => {
  expect(controlOf('amd64', release, 5, homepage)).toMatch(new RegExp(`^Homepage: ${homepage}$`, 'm'))
  expect(withDocumentation(unit, homepage)).toMatch(new RegExp(`^Documentation=man:fibre-agent\\(1\\) ${homepage}$`, 'm'))
})

it('leaves the homepage out where package.json has none', () => {
  const control = controlOf('arm64', release, 5, undefined)
  expect(control).not.toMatch(/Homepage|@HOME/)
  expect(control).toMatch(/^Package: fibre-agent\nVersion: 1\.2\.3\nArchitecture: arm64\n/)
  expect(withDocumentation(unit, undefined)).toBe(unit)
})
