// Names what failed, and sums the reports of all test runs into one line: `N passed, N failed, N skipped`. Arguments name steps that failed.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const folder = join(import.meta.dirname, '../.reports')
const contentsOf = (ending: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
const reports = contentsOf('.json').map((text): Report => JSON.parse(text))
const sum = (count: (report: Report) => number) => reports.reduce((total, report) => total + count(report), 0)

// A file that does not even load has no failed tests in it.
const unloaded = sum(
  ({ testResults }) => testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length,
)
for (const { assertionResults } of reports.flatMap(({ testResults }) => testResults))
  for (const test of assertionResults.filter(({ status }) => status === 'failed'))
    console.log(`failed: ${test.fullName}: ${stripVTControlCharacters(test.failureMessages[0]?.split('\n', 1)[0] ?? '')}`)
for (const faults of contentsOf('.faults')) console.log(faults.trimEnd())

const failedTests = sum((report) => report.numFailedTests) + unloaded
// Nor has a step that fails for another reason, such as an error between tests.
const failed = Math.max(failedTests, process.argv.length - 2)
console.log(
  `${sum((report) => report.numPassedTests)} passed, ${failed} failed, ${sum((report) => report.numPendingTests + report.numTodoTests)} skipped`,
)
process.exitCode = failed > 0 ? 1 : 0
