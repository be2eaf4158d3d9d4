import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

declare global {
  // The bundle has no files beside it: setup.sh has esbuild put the thread's program in place of this.
  var BCRYPT_THREAD: string | undefined
}

/** The thread ends when nothing was compared for this time: most passwords are hashed once. */
const IDLE_MS = 5_000

let thread: Worker | undefined
let idle: NodeJS.Timeout | undefined

/** Compares a password with a bcrypt hash, on a thread of its own; to be called one at a time. */
export async function compareWithHash(password: string, hash: string): Promise<boolean> {
  clearTimeout(idle)
  thread ??= startThread()
  try {
    // $2y$ is PHP's name of what is $2b$ elsewhere, and Go, whose files these are, makes no difference between any of them.
    thread.postMessage({ password, hash: hash.replace(/^\$2[a-z]?\$/, '$$2b$$') })
    const [isEqual] = await once(thread, 'message')
    return isEqual
  } catch (error) {
    stopThread()
    throw error
  } finally {
    idle = setTimeout(stopThread, IDLE_MS).unref()
  }
}

function startThread(): Worker {
  const program = globalThis.BCRYPT_THREAD
  const options = { env: {}, argv: [], execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 } }
  const worker = program ? new Worker(program, { ...options, eval: true }) : new Worker(join(import.meta.dirname, 'thread.ts'), options)
  worker.unref()
  return worker
}

function stopThread(): void {
  void thread?.terminate()
  thread = undefined
}
