import { Writable } from 'node:stream'
import { type BlocksCommandOptions, runBlocksCommand } from '../../../agent/journal/blocks-command.ts'

interface RunOptions extends Partial<Pick<BlocksCommandOptions, 'journal' | 'noColor' | 'now'>> {
  /** Columns of the terminal; none where the output goes to a pipe. */
  readonly columns?: number
}

/** Runs `fibre-agent blocks …`: its exit code, and what it wrote. */
export async function blocksCommand(argv: readonly string[], { journal, columns, noColor = false, ...options }: RunOptions) {
  const [stdout, stderr] = [new Collected(), new Collected()]
  const code = await runBlocksCommand(argv, {
    journal,
    thresholds: { slowMs: 50, verySlowMs: 100 },
    stdout: columns === undefined ? stdout : Object.assign(stdout, { isTTY: true, columns }),
    stderr,
    now: new Date('2026-11-22T10:00:00Z'),
    noColor,
    ...options,
  })
  return { code, out: stdout.text, err: stderr.text }
}

class Collected extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
