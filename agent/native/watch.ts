import { koffi } from './koffi.ts'
import { closeDescriptor, openPidfd } from './libc.ts'

/** A watch on a file descriptor. It keeps the process alive until it is closed. */
export interface Watch {
  close(): void
}

const watches = new Set<Watch>()

/**
 * Calls back when a file descriptor is readable, on Node's own event loop. koffi stops a watch that nobody holds and hangs
 * the process if the callback throws, so all are held here and `readable` must not throw.
 */
export function watchReadable(fd: number, readable: () => void): Watch {
  const handle = koffi().node.poll(fd, { readable: true }, readable)
  const watch = {
    close() {
      if (!watches.delete(watch)) return
      handle.close()
    },
  }
  watches.add(watch)
  return watch
}

/** Calls back once when a process has ended. Throws ESRCH if there is none of that number. */
export function watchExit(pid: number, ended: () => void): Watch {
  const fd = openPidfd(pid)
  const watch = watchReadable(fd, () => {
    close()
    ended()
  })
  const close = () => {
    watch.close()
    if (!closed) closeDescriptor(fd)
    closed = true
  }
  let closed = false
  return { close }
}
