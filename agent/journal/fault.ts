import { NotAJournalError } from './journal-file.ts'

const OTHER_FILE = 'name another file with --journal PATH'
const NOT_ALLOWED = `the agent may not write there: give it the right to, or ${OTHER_FILE}`
const FULL = 'the disk is full: make room there'

const reasons: Readonly<Record<string, string>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: `it is read-only there: mount it for writing (a systemd unit needs StateDirectory= or ReadWritePaths=), or ${OTHER_FILE}`,
  ENOSPC: FULL,
  EDQUOT: FULL,
  EISDIR: `it is a directory: ${OTHER_FILE}`,
  ELOOP: 'it is a symbolic link: name what it leads to with --journal PATH',
  ENOTDIR: `part of its path is a file: ${OTHER_FILE}`,
  ENOENT: `its folder cannot be made: make it, or ${OTHER_FILE}`,
}

/** Why a journal cannot be written, and the way out. */
export function faultOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (error instanceof NotAJournalError) return `${message}, which is left as it is: ${OTHER_FILE}`
  return reasons[code] ?? message
}
