import type { Logger } from 'pino'
import { tracepoints } from '../tracepoints/index.ts'
import { openEbpf } from './ebpf/ebpf.ts'
import { openReplay, type ReplaySource } from './replay/replay.ts'
import type { EventSource } from './source.ts'

/** A recording that takes the place of bitcoind. */
export interface Replay {
  readonly file: string
  /** Speed relative to that of the recording. */
  readonly speed: number
}

/** Opens where events come from: the compiled kernel program, with a ring of that size in bytes, or a recording. */
export async function openSource(from: Buffer | Replay, ringSize: number, log: Logger): Promise<EventSource | ReplaySource> {
  if ('file' in from) return openReplay({ ...from, log })
  return openEbpf({ image: from, ringSize, tracepoints, log })
}
