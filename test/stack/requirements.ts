import { onTestFailed, type TestContext } from 'vitest'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { builtBinary, howToGet, type Program } from './binaries.ts'
import type { Server } from './server.ts'

/** Skips the test where the agent cannot measure or a server is not built. */
export async function requireStack(context: TestContext, ...programs: readonly Program[]): Promise<void> {
  requireBpf(context)
  await requirePrograms(context, ...programs)
}

/** Waits for servers that are being built, and skips the test where one is missing; where no Loki is given, in CI too. */
export async function requirePrograms(context: TestContext, ...programs: readonly Program[]): Promise<void> {
  for (const program of programs) {
    const isThere = (await builtBinary(program)) !== undefined
    if (program === 'loki' && !process.env.LOKI) context.skip(howToGet(program))
    if (program === 'loki' && !isThere) throw new Error(`LOKI=${process.env.LOKI} is no program`)
    need(context, isThere, howToGet(program))
  }
}

/** Prints what the servers logged last if the test fails. */
export function tellOnFailure(servers: Readonly<Record<string, Server>>): void {
  onTestFailed(() => {
    for (const [name, { log }] of Object.entries(servers)) console.error(`--- ${name}\n${log.slice(-2_000)}`)
  })
}
