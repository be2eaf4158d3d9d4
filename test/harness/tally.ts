import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** Says of each skipped test why, unless it is one that was not asked for by name, and ends with one line of totals. */
export default class Tally implements Reporter {
  #isFiltered = false

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const result = test.result()
        count[result.state] += 1
        if (result.state === 'skipped' && (result.note !== undefined || !this.#isFiltered))
          console.log(`skipped: [${module.project.name}] ${test.fullName}: ${result.note ?? 'no reason given'}`)
      }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}
