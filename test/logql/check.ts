// Checks every LogQL query that users get from this project, and that the fields it names are those that the Collector yields.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { differencesOf } from './configuration.ts'
import { faultsOf, retentionIn } from './lint.ts'
import { shippedQueries } from './queries.ts'

const read = (name: string) => parse(readFileSync(join(import.meta.dirname, '../../collector', name), 'utf8'))
const [collector, loki] = [read('config.yaml'), read('loki.yaml')]
const options = { retentionSeconds: retentionIn(loki) }

const found = [
  ...differencesOf(collector, loki).map((difference) => `dashboards/log-fields.ts: ${difference}`),
  ...shippedQueries().flatMap((query) => faultsOf(query, options).map((fault) => `${query.place}: ${fault}\n  ${query.expr}`)),
]
for (const fault of found) console.log(fault)
process.exitCode = found.length > 0 ? 1 : 0
