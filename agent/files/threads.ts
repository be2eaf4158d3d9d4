/** Threads that Node.js has for files, names of hosts and compression, unless told otherwise. */
const USUAL_THREADS = 4
/**
 * Journal, webhook queue and headers, recording, log file, standard output, names of nodes, three lock files, and certificate and password, or web
 * configuration: a disk or a reader that stands still keeps one thread of each.
 */
const FILES = 12

/**
 * Prepares the process for disks that stand still or are full; to be called before anything else.
 * libuv reads the number of its threads when it first needs one, from the environment and from nowhere else.
 */
export function prepareForFiles(): void {
  process.env.UV_THREADPOOL_SIZE ??= String(USUAL_THREADS + FILES)
  process.on('SIGXFSZ', () => {}) // a limit on the size of files (ulimit -f) then fails the write instead of ending the process
}

/** Operations that wait for a disk or a reader. */
const waiting = new Set<object>()

/** Whether a thread waits for a disk or a reader. `process.exit` would wait for that thread, for ever if need be. */
export function isWaitingForFile(): boolean {
  return waiting.size > 0
}

/** Runs an operation on a file as one of those that `isWaitingForFile` tells of. */
export async function onThread<T>(operate: () => Promise<T>): Promise<T> {
  const operation = {}
  waiting.add(operation)
  try {
    return await operate()
  } finally {
    waiting.delete(operation)
  }
}
