import { createHash } from 'node:crypto'
import { accessSync, constants, globSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Programs that build.ts builds. */
export type BuiltProgram = 'otelcol' | 'victorialogs' | 'prometheus' | 'promtool'
/** Loki is never built or downloaded, for it is under the AGPL: the variable LOKI names one that its user has. */
export type Program = BuiltProgram | 'loki'

/** Folders of the Go modules that the programs are built from. */
export const modules = ['collector', 'prometheus', 'victorialogs'] as const

/** Folder of built programs: the one that FIBRE_STACK_BIN names, else one in the user's cache, named for what they were built from. */
export function binaryFolder(): string {
  const { FIBRE_STACK_BIN, XDG_CACHE_HOME } = process.env
  return FIBRE_STACK_BIN || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fibre-agent/stack', hashOfModules())
}

/** Variable that holds the process that builds programs while tests run. */
export const BUILDER = 'FIBRE_STACK_BUILDER'
const LOOK_MS = 100

/** Path of a program, `undefined` where it is not there. */
export function stackBinary(name: Program): string | undefined {
  const path = name === 'loki' ? (process.env.LOKI ?? '') : join(binaryFolder(), name)
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}

/** Path of a program, as soon as it is built if it is about to be; `undefined` where it is not. */
export async function builtBinary(name: Program): Promise<string | undefined> {
  while (name !== 'loki' && isBuilding() && stackBinary(name) === undefined) await setTimeout(LOOK_MS)
  return stackBinary(name)
}

function isBuilding(): boolean {
  const pid = Number(process.env[BUILDER])
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}

function hashOfModules(): string {
  const hash = createHash('sha256')
  const files = globSync(
    modules.map((name) => `${name}/*`),
    { cwd: import.meta.dirname },
  )
  for (const file of files.sort()) hash.update(`${file}\0`).update(readFileSync(join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 16)
}

/** Advice for getting a program that is missing. */
export const howToGet = (name: Program) =>
  name === 'loki' ? 'no Loki is given: LOKI=/path/to/loki npm run test:stack' : `${name} is not built: node test/stack/build.ts`
