/**
 * Closes that run at once. Each keeps one of the four threads on which Node.js does its work with files and names until the kernel
 * has detached, which it does not while a thread of bitcoind sleeps inside a tracepoint: one has to be left.
 */
const MAX_AT_ONCE = 3

const waiting: (() => void)[] = []
let running = 0

/** Runs a close as soon as there is room for it. Resolves when it is done. */
export function queueClose(close: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(() =>
      close(() => {
        running--
        resolve()
        runWaiting()
      }),
    )
    runWaiting()
  })
}

function runWaiting(): void {
  while (running < MAX_AT_ONCE) {
    const next = waiting.shift()
    if (next === undefined) return
    running++
    next()
  }
}
