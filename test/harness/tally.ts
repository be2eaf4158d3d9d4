import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, SerializedError, TestModule, TestSuite, Vitest } from 'vitest/node'

const STACK_LINES = 6

/**
 * Says of each skipped test why, unless it is one that was not asked for by name, then what failed outside of tests, which the
 * JSON report does not have, and ends with one line of totals. A file is given what failed outside.
 */
export default class Tally implements Reporter {
  readonly #faultsFile: string
  #isFiltered = false

  constructor({ faultsFile }: { readonly faultsFile: string }) {
    this.#faultsFile = faultsFile
  }

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const result = test.result()
        count[result.state] += 1
        if (result.state === 'skipped' && (result.note !== undefined || !this.#isFiltered))
          console.log(`skipped: [${module.project.name}] ${test.fullName}: ${result.note ?? 'no reason given'}`)
      }
    const faults = [
      ...modules.flatMap((module) =>
        [module, ...module.children.allSuites()].flatMap((suite) =>
          suite.errors().map((error) => `[${module.project.name}] ${nameOf(suite)}: ${textOf(error)}`),
        ),
      ),
      ...unhandledErrors.map((error) => `${error.VITEST_TEST_PATH ?? 'anywhere'}: ${textOf(error)}`),
    ].map((fault) => `failed outside of tests: ${fault}`)
    for (const fault of faults) console.log(fault)
    if (faults.length > 0) this.#write(faults)
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }

  #write(faults: readonly string[]): void {
    mkdirSync(dirname(this.#faultsFile), { recursive: true })
    writeFileSync(this.#faultsFile, `${faults.join('\n')}\n`)
  }
}

const nameOf = (suite: TestModule | TestSuite) => (suite.type === 'module' ? suite.relativeModuleId : suite.fullName)

function textOf({ name, message, stack, cause }: SerializedError): string {
  const text = stripVTControlCharacters(stack ?? `${name ?? 'Error'}: ${message}`)
    .split('\n', STACK_LINES)
    .join('\n')
  return cause ? `${text}\n  caused by ${textOf(cause as SerializedError)}` : text
}
