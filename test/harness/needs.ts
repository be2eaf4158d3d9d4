import type { TestContext } from 'vitest'

/** Skips the test by name and with the reason; with CI=true that is a failure. */
export function need(context: TestContext, condition: boolean, reason: string): void {
  if (condition) return
  if (process.env.CI === 'true') throw new Error(`would be skipped: ${reason}`)
  context.skip(reason)
}
