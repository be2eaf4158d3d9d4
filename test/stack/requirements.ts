import { onTestFailed, type TestContext } from 'vitest'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { howToGet, type Program, stackBinary } from './binaries.ts'
import type { Server } from './server.ts'

/** Skips the test where the agent cannot measure or a server is not built. */
export function requireStack(context: TestContext, ...programs: readonly Program[]): void {
  requireBpf(context)
  requirePrograms(context, ...programs)
}

/** Skips the test where a server is missing; for want of a Loki, in CI too. */
export function requirePrograms(context: TestContext, ...programs: readonly Program[]): void {
  for (const program of programs) {
    const isThere = stackBinary(program) !== undefined
    if (program === 'loki') context.skip(!isThere, howToGet(program))
    else need(context, isThere, howToGet(program))
  }
}

/** Prints what the servers logged last if the test fails. */
export function tellOnFailure(servers: Readonly<Record<string, Server>>): void {
  onTestFailed(() => {
    for (const [name, { log }] of Object.entries(servers)) console.error(`--- ${name}\n${log.slice(-2_000)}`)
  })
}
