import type { Reporter, TestModule } from 'vitest/node'

/** Says of each skipped test why, and ends with one line of totals. */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules)
      for (const test of module.children.allTests()) {
        const result = test.result()
        count[result.state] += 1
        if (result.state === 'skipped')
          console.log(`skipped: [${module.project.name}] ${test.fullName}: ${result.note ?? 'no reason given'}`)
      }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}
