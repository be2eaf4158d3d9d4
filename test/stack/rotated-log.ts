import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, renameSync, truncateSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setInterval } from 'node:timers/promises'

const TICK_MS = 20

/** Writes a log at a steady rate, and rotates it as logrotate does. */
export function openRotatedLog(path: string, linesPerSecond: number) {
  let file = openSync(path, 'a')
  return {
    async write(lines: readonly string[], rate = linesPerSecond): Promise<void> {
      const start = performance.now()
      let written = 0
      for await (const _ of setInterval(TICK_MS)) {
        const due = Math.min(lines.length, Math.ceil(((performance.now() - start) / 1000) * rate))
        writeSync(
          file,
          lines
            .slice(written, due)
            .map((line) => `${line}\n`)
            .join(''),
        )
        written = due
        if (written === lines.length) return
      }
    },
    /** Gives the file another name: what is written goes there until `reopen`. */
    rename: () => renameRotated(path),
    reopen(): void {
      closeSync(file)
      file = openSync(path, 'a')
    },
    copyTruncate(): void {
      renameRotated(path, copyFileSync)
      truncateSync(path)
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}

/** The log becomes log.1, and what was log.1 becomes log.2. */
export function renameRotated(path: string, move: (from: string, to: string) => void = renameSync): void {
  const rotations = filesOf(path).length - 1
  for (let number = rotations; number > 0; number--) renameSync(`${path}.${number}`, `${path}.${number + 1}`)
  move(path, `${path}.1`)
}

/** The lines of a log and all that it was rotated to, but blank ones; as the Collector hands them on, without blanks at their end. */
export function linesWritten(path: string): readonly string[] {
  return filesOf(path)
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
}

function filesOf(path: string): readonly string[] {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)))
  return names.map((name) => join(dirname(path), name))
}
