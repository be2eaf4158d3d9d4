import { accessSync, constants, readFileSync } from 'node:fs'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EISDIR: 'is a directory, not a file',
  EACCES: 'may not be read by this user',
}

/** A file's content, or in words why there is none. */
export function readSettingsFile(path: string): { readonly content: string } | { readonly problem: string } {
  try {
    return { content: readFileSync(path, 'utf8') }
  } catch (error) {
    return { problem: problemOf(path, error) }
  }
}

/** Why a file cannot be read, in words. */
export function problemOfReading(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return problemOf(path, error)
  }
}

function problemOf(path: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return `${JSON.stringify(path)} ${reasons[code] ?? `cannot be read: ${message}`}`
}
