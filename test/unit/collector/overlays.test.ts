import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'

interface Configuration {
  readonly receivers: Readonly<Record<string, { readonly operators: readonly unknown[] }>>
}

const read = (name: string) => parse(readFileSync(join(import.meta.dirname, '../../../collector', name), 'utf8')) as Configuration

it.each([
  ['from-journald.yaml', 'journald/bitcoind'],
  ['from-docker.yaml', 'file_log/bitcoind'],
])('%s goes on with the operators of debug.log', (name, receiver) => {
  const ofDebugLog = read('config.yaml').receivers['file_log/bitcoind']?.operators ?? []
  expect(ofDebugLog.length).toBeGreaterThan(0)
  expect(read(name).receivers[receiver]?.operators.slice(-ofDebugLog.length)).toEqual(ofDebugLog)
})
