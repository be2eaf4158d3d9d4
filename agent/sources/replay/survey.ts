import { statSync } from 'node:fs'
import type { Logger } from 'pino'
import { blockSendStart } from '../../tracepoints/block-send-start.ts'
import { isTimeOfDay, parseLine, type RecordedEvent } from './format.ts'
import { readLines } from './lines.ts'
import { Progress } from './progress.ts'
import { Timeline } from './timeline.ts'

/** Each node costs memory for its series; nobody records so many. */
const MAX_NODES = 256
/** Runs whose wall clock is remembered; those after it count from 1970. */
const MAX_CLOCKS = 10_000

/** Facts about a recording that are needed before it is replayed. */
export interface Survey {
  readonly file: string
  readonly size: number
  readonly firstNs: number
  /** The probes that each node fired. */
  readonly nodes: ReadonlyMap<string, ReadonlySet<string>>
  /** By number of the run, for lines that lack the wall clock. */
  readonly clocks: ReadonlyMap<number, ClockReading>
}

/** The wall clock at a stamp. */
interface ClockReading {
  readonly tsNs: number
  readonly unixUs: number
}

/** Reads a recording through. Throws if there is no event in it. */
export async function surveyRecording(file: string, log: Logger): Promise<Survey> {
  const size = sizeOf(file)
  const nodes = new Map<string, Set<string>>()
  const clocks = new Map<number, ClockReading>()
  const timeline = new Timeline()
  const progress = new Progress(size, log, 'reading the recording')
  let firstNs: number | undefined
  for await (const { lines, bytes } of readLines(file, size)) {
    for (const text of lines) {
      const event = parseLine(text ?? '')
      if ('fault' in event) continue
      const stampNs = timeline.place(event.tsNs)
      firstNs ??= stampNs
      probesOf(event.node, nodes, file).add(event.tracepoint.probe)
      const clock = clocks.size < MAX_CLOCKS && !clocks.has(timeline.run) ? clockOf(event) : undefined
      if (clock) clocks.set(timeline.run, clock)
    }
    progress.at(bytes)
  }
  if (firstNs === undefined)
    throw new Error(`${file} holds no event: a recording has one JSON object a line, as fibre-agent --record FILE writes it`)
  return { file, size, firstNs, nodes, clocks }
}

function sizeOf(file: string): number {
  const stats = statSync(file)
  // It is read twice, the first time for what it holds.
  if (!stats.isFile()) throw new Error(`${file} is not a regular file: save the recording to one first`)
  return stats.size
}

function probesOf(node: string, nodes: Map<string, Set<string>>, file: string): Set<string> {
  const probes = nodes.get(node) ?? new Set()
  nodes.set(node, probes)
  if (nodes.size > MAX_NODES) throw new Error(`${file} names more than ${MAX_NODES} nodes: replay a part of it`)
  return probes
}

/** bitcoind says the time at which it begins to send, right before that tracepoint. */
function clockOf({ tracepoint, tsNs, args: { startUs } }: RecordedEvent): ClockReading | undefined {
  if (tracepoint.probe !== blockSendStart.probe || !isTimeOfDay(startUs)) return undefined
  return { tsNs, unixUs: startUs }
}
