import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { need } from '../harness/needs.ts'
import { until } from '../harness/until.ts'

/** A record of the journal, as journald makes one of each line that a service prints. */
export interface JournalRecord {
  readonly message: string | Buffer
  readonly timeUs: number
  readonly fields?: Readonly<Record<string, string>>
}

const program = '/lib/systemd/systemd-journal-remote'
const bootId = '5a2c1f0e7d6b4c3a9e8f7a6b5c4d3e2f'
const bitcoind = { _SYSTEMD_UNIT: 'bitcoind.service', _TRANSPORT: 'stdout', PRIORITY: '6' }

/** Skips the test where no journal can be written or read. */
export function requireJournal(context: TestContext): void {
  need(context, existsSync(program), 'systemd-journal-remote is not installed: sh setup.sh stack')
}

/** A journal of systemd's own format in this folder, which takes records while others read it. */
export async function openJournal(folder: string) {
  const path = join(folder, 'system.journal')
  const child = spawn(program, ['--output', path, '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  await once(child, 'spawn')
  const closed = once(child, 'close')
  child.stdin.on('error', () => {}) // it ends while we write: its exit tells
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  return {
    folder,
    async write(records: readonly JournalRecord[]): Promise<void> {
      if (!child.stdin.write(Buffer.concat(records.map(exported)))) await once(child.stdin, 'drain')
      await until(() => existsSync(path), 'the journal to be there')
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.stdin.end()
      const [code] = await closed
      if (code !== 0) throw new Error(`systemd-journal-remote ended with ${code}: ${errors}`)
    },
  }
}

/** The journal's export format (systemd.io/JOURNAL_EXPORT_FORMATS): a message goes with its length, so that it may hold any byte. */
function exported({ message, timeUs, fields = bitcoind }: JournalRecord): Buffer {
  const content = Buffer.from(message)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(content.length))
  const lines = Object.entries({ ...fields, _BOOT_ID: bootId }).map(([name, value]) => `${name}=${value}\n`)
  const head = `__REALTIME_TIMESTAMP=${timeUs}\n__MONOTONIC_TIMESTAMP=${timeUs}\n${lines.join('')}MESSAGE\n`
  return Buffer.concat([Buffer.from(head), length, content, Buffer.from('\n\n')])
}
