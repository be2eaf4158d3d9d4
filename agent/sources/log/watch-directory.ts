import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** A file system that tells nothing of changes, as a network's, is looked at this often ... */
const POLL_MS = 50
/** ... and one that does this often all the same, in case it does not tell all. */
const CHECK_MS = 1000

/**
 * Calls back when a file, or one that it was renamed to, may have been written to, and tells whether another may have its path now.
 * It and its directory need not be there.
 */
export function watchDirectory(path: string, changed: (isAnother: boolean) => void): { close(): void } {
  const directory = dirname(path)
  const name = basename(path)
  let watcher: FSWatcher | undefined
  let watched: string | undefined
  let timer: NodeJS.Timeout | undefined

  const stop = () => {
    watcher?.close()
    watcher = undefined
  }
  const begin = () => {
    const identity = identityOf(directory)
    if (watcher && identity === watched) return
    stop()
    watched = identity
    try {
      watcher = watch(directory, (event, changedName) => {
        if (changedName === null || changedName.startsWith(name)) changed(event === 'rename') // debug.log.1 is written to until bitcoind opens the new one
      })
      watcher.on('error', stop)
    } catch {
      // Polled: there is no such directory yet, or no more watches are to be had.
    }
  }
  const check = () => {
    begin()
    changed(true)
    timer = setTimeout(check, watcher ? CHECK_MS : POLL_MS)
  }
  begin()
  timer = setTimeout(check, watcher ? CHECK_MS : POLL_MS)
  return {
    close() {
      clearTimeout(timer)
      stop()
    },
  }
}

function identityOf(directory: string): string | undefined {
  try {
    const { dev, ino } = statSync(directory)
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}
