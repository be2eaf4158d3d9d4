import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openReplay } from '../../../agent/sources/replay/replay.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'

export const HASH = '00000000000000000001a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7'

/** A line of an event at a time in seconds. */
export const sent = (seconds: number, more: object = {}) => ({
  ts_ns: seconds * 1e9,
  node: 'n',
  probe: 'udp:block_send_start',
  block_hash: HASH,
  ...more,
})

/** A path in a directory of this test. */
export function temporaryPath(name = 'events.jsonl'): string {
  return join(temporaryDirectory(), name)
}

/** A file of these lines; objects are written as JSON. */
export function recordingOf(...lines: readonly (string | object)[]): string {
  const file = temporaryPath()
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''))
  return file
}

interface Handed {
  readonly event: TracepointEvent
  readonly failed: readonly string[]
  /** The source's time while it was handed on. */
  readonly nowNs: number
}

/** Opens a recording and keeps all it tells. */
export async function startReplay(file: string, speed = Number.POSITIVE_INFINITY) {
  const handed: Handed[] = []
  const errors: unknown[] = []
  const ticks: number[] = []
  const { log, lines } = captureLog()
  const source = await openReplay({ file, speed, log })
  source.start({
    event: (event, _tracepoint, failed) => handed.push({ event, failed, nowNs: source.now() }),
    lost() {},
    error: (error) => errors.push(error),
  })
  const run = (tick?: () => void) =>
    source.run(() => {
      ticks.push(source.now())
      tick?.()
    })
  return { source, run, handed, errors, ticks, lines }
}
