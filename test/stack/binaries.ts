import { createHash } from 'node:crypto'
import { accessSync, constants, globSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Program = 'otelcol' | 'loki' | 'prometheus' | 'promtool'

/** Folders of the Go modules that the programs are built from. */
export const modules = ['collector', 'loki', 'prometheus'] as const

/** Where built programs are: in the folder that FIBRE_STACK_BIN names, else in one of the user's cache, named for what they were built from. */
export function binaryFolder(): string {
  const { FIBRE_STACK_BIN, XDG_CACHE_HOME } = process.env
  return FIBRE_STACK_BIN || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fibre-agent/stack', hashOfModules())
}

/** Path of a built program, `undefined` where it is not built: see build.ts. */
export function stackBinary(name: Program): string | undefined {
  const path = join(binaryFolder(), name)
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
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
