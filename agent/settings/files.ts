import { readFileSync } from 'node:fs'

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
    const { code = '', message } = error as NodeJS.ErrnoException
    return { problem: `${JSON.stringify(path)} ${reasons[code] ?? `cannot be read: ${message}`}` }
  }
}
