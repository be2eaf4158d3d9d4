import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Path in the folder of what machines are made of: the one that FIBRE_MACHINES names, else one of the user's cache. */
export function cached(...parts: readonly string[]): string {
  const { FIBRE_MACHINES, XDG_CACHE_HOME } = process.env
  const folder = FIBRE_MACHINES || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fibre-agent/machines')
  mkdirSync(folder, { recursive: true })
  return join(folder, ...parts)
}

/** Makes something under another name first: what has the right one is whole, whoever else makes it or is interrupted. */
export async function makeWhole(path: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = `${path}.${process.pid}`
  try {
    await make(unfinished)
    rmSync(path, { recursive: true, force: true })
    renameSync(unfinished, path)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}
