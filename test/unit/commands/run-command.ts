import { Writable } from 'node:stream'
import { type CommandOptions, runCommand } from '../../../agent/cli.ts'

export interface RunOptions {
  /** Columns of the terminal; none where the output goes to a pipe. */
  readonly columns?: number
  readonly env?: CommandOptions['env'] & {}
}

/** Runs a command that ends by itself: its exit code, and what it wrote. */
export async function command(argv: readonly string[], { columns, env = {} }: RunOptions = {}) {
  const [stdout, stderr] = [new Collected(), new Collected()]
  const terminal = columns === undefined ? stdout : Object.assign(stdout, { isTTY: true, columns })
  const outcome = await runCommand({ argv, folder: '/nowhere', stdout: terminal, stderr, env })
  if (!('exitCode' in outcome)) throw new Error('an agent runs')
  return { code: outcome.exitCode, out: stdout.text, err: stderr.text }
}

class Collected extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
