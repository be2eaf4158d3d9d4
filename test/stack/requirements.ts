import { onTestFailed, type TestContext } from 'vitest'
import { requireBpf } from '../kernel/listening.ts'
import { need } from '../needs.ts'
import { type Program, stackBinary } from './binaries.ts'
import type { Server } from './server.ts'

/** Skips the test where the agent cannot measure or a server is not built. */
export function requireStack(context: TestContext, ...programs: readonly Program[]): void {
  requireBpf(context)
  for (const program of programs) need(context, stackBinary(program) !== undefined, `${program} is not built: node test/stack/build.ts`)
}

/** Prints what the servers logged last if the test fails. */
export function tellOnFailure(servers: Readonly<Record<string, Server>>): void {
  onTestFailed(() => {
    for (const [name, { log }] of Object.entries(servers)) console.error(`--- ${name}\n${log.slice(-2_000)}`)
  })
}
