import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const program = join(import.meta.dirname, 'receiver-process.ts')

export interface Receiver extends AsyncDisposable {
  readonly url: string
}

/** Starts a receiver of OTLP pushes in a process of its own, so that nobody else's CPU time is charged with it. */
export async function startReceiverProcess(): Promise<Receiver> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit').finally(() => process.removeListener('exit', kill))
  const [port] = await Promise.race([once(child.stdout, 'data'), exited.then(() => Promise.reject(new Error('the receiver has ended')))])
  return {
    url: `http://127.0.0.1:${String(port).trim()}`,
    async [Symbol.asyncDispose]() {
      kill()
      await exited
    },
  }
}
