import type { Logger } from 'pino'
import type { Tracepoint } from '../tracepoints/define.ts'
import { openEbpf } from './ebpf/ebpf.ts'
import { LogSource } from './log/log.ts'
import { openReplay, type ReplaySource } from './replay/replay.ts'
import type { EventSource } from './source.ts'

/** A recording that takes the place of bitcoind. */
export interface Replay {
  readonly file: string
  /** Speed relative to that of the recording. */
  readonly speed: number
}

export interface SourceOptions {
  /** Those that are measured of bitcoind. */
  readonly tracepoints: readonly Tracepoint[]
  /** Bytes of the ring of the kernel program. */
  readonly ringSize: number
  /** Whether the kernel counts runs of its programs. */
  readonly countRuns: boolean
  readonly log: Logger
}

/** Opens where events come from: the compiled kernel program, the log of bitcoind, or a recording. */
export async function openSource(from: Buffer | 'log' | Replay, options: SourceOptions): Promise<EventSource | ReplaySource> {
  if (from === 'log') return new LogSource(options)
  if ('file' in from) return openReplay({ ...from, log: options.log })
  return openEbpf({ image: from, ...options })
}
