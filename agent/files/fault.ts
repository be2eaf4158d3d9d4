/** Something else has the name of the file. It is left as it is. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError'
}

/** An operation has been under way for seconds. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  override readonly message = 'the disk does not answer: a file system that is frozen, or a server that is gone'
}

/** Another agent writes the file. */
export class HeldError extends Error {
  override readonly name = 'HeldError'

  constructor(file: string, holder: string) {
    super(`another agent writes ${file}: ${holder}`)
  }
}

/** Tells a pipe that does not block and has no room now from other faults. */
export function isPipeFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN'
}

/** Says why a file cannot be written, and the way out. `flag` is the one that names it. */
export function faultOf(error: unknown, flag: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (error instanceof ForeignFileError) return `${message}, which is left as it is: name another file with ${flag} PATH`
  if (error instanceof HeldError) return `${message}; stop that one, or name another file with ${flag} PATH`
  if (error instanceof NoAnswerError) return message
  return reasons[code]?.(flag) ?? message
}

const notAllowed = (flag: string) => `the agent may not write there: give it the right to, or name another file with ${flag} PATH`
const full = () => 'the disk is full: make room there'

const reasons: Readonly<Record<string, (flag: string) => string>> = {
  EACCES: notAllowed,
  EPERM: notAllowed,
  EROFS: (flag) =>
    `it is read-only there: mount it for writing (a systemd unit needs StateDirectory= or ReadWritePaths=), or name another file with ${flag} PATH`,
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: () => 'files of this process may not grow further (ulimit -f)',
  EMFILE: () => 'the agent has too many files open already (ulimit -n)',
  EISDIR: (flag) => `it is a directory: name another file with ${flag} PATH`,
  ELOOP: (flag) => `it is a symbolic link: name what it leads to with ${flag} PATH`,
  ENOTDIR: (flag) => `part of its path is a file: name another file with ${flag} PATH`,
  ENOENT: (flag) => `its folder cannot be made: make it, or name another file with ${flag} PATH`,
  ENXIO: (flag) => `it is no regular file, which is left as it is: name another file with ${flag} PATH`,
}
