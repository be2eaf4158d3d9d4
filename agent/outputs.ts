import type { Logger } from 'pino'
import type { Block } from './blocks/block.ts'
import type { BlockRecord } from './blocks/record.ts'
import { announcementMetrics, blockMetrics, recordMetrics } from './metrics/block-metrics.ts'
import { eventDelay } from './metrics/node-metrics.ts'
import type { Instruments } from './metrics/otel/instruments.ts'
import type { Telemetry } from './metrics/otel/telemetry.ts'
import type { Output } from './nodes/output.ts'
import type { Live } from './page/live.ts'
import type { EventSource } from './sources/source.ts'
import type { Stores } from './stores.ts'
import type { Tracepoint } from './tracepoints/define.ts'
import { allTracepoints, type TracepointEvent } from './tracepoints/index.ts'

export interface OutputsOptions {
  readonly telemetry: Pick<Telemetry, 'instruments' | 'push'>
  readonly source: EventSource
  readonly stores: Stores
  readonly live: Live
  /** Logs each event, if set. */
  readonly eventLog: Logger | undefined
}

/** All that is told of events and blocks, in order: the webhook before the journal, so that a kill in between repeats an alert rather than omits it. */
export function outputsOf({ telemetry, source, stores, live, eventLog }: OutputsOptions): readonly Output[] {
  const { slowBlocks, journal, capture } = stores
  const outputs: readonly (Output | undefined)[] = [
    toMetrics(telemetry, source),
    slowBlocks && onKnown((record) => slowBlocks.take(record)),
    journal && { ...onClosed((record) => journal.append(record)), nodeRemoved: (node) => journal.forget(node) },
    toPage(live),
    capture && { event: (event) => capture.record(event) },
    eventLog && { event: (event, { eventType }) => eventLog.info(event, eventType) },
  ]
  return outputs.filter((output) => output !== undefined)
}

type RecordSubject<Subject> = (node: string, subject: Subject) => void

/** Records events and blocks to their instruments. The source tells the time that events' stamps are of. */
export function toMetrics({ instruments, push }: OutputsOptions['telemetry'], source: Pick<EventSource, 'now'>): Output {
  const ofTracepoint = recordersOfTracepoints(instruments)
  const ofMilestone = new Map(Object.entries(blockMetrics).map(([milestone, metrics]) => [milestone, instruments.recorderOf(metrics)]))
  const recordClosed = instruments.recorderOf(recordMetrics)
  const recordAnnouncement = instruments.recorderOf(announcementMetrics)
  const recordDelay = instruments.recorderOf([eventDelay])
  return {
    nodeAdded: (node) => instruments.declare(node),
    nodeRemoved: (node) => instruments.forget(node), // where it comes back its series start at 0
    processesChanged: push, // zeros: what happens before the first sample of a series counts for no increase()
    event(event, tracepoint) {
      ofTracepoint.get(tracepoint)?.(event.node, event)
      recordDelay(event.node, (source.now() - event.stampNs) / 1e9)
    },
    announcement: recordAnnouncement,
    block(milestone, block, record) {
      ofMilestone.get(milestone)?.(block.node, block)
      if (milestone === 'closed') recordClosed(block.node, record())
    },
  }
}

/** The metrics of the others are those of their totals. */
const eventTracepoints = allTracepoints.filter(({ counted }) => counted === undefined)

/** Each event goes to the metrics of its own tracepoint, which know its type. */
const recordersOfTracepoints = (instruments: Instruments) =>
  new Map<Tracepoint, RecordSubject<TracepointEvent>>(
    eventTracepoints.map((tracepoint) => [tracepoint, instruments.recorderOf(tracepoint.metrics) as RecordSubject<unknown>]),
  )

const onClosed = (take: (record: BlockRecord) => void): Output => ({
  block(milestone, _, record) {
    if (milestone === 'closed') take(record())
  },
})

/** Told of a block once, as soon as all is known of it but the compact block that may come late. */
function onKnown(take: (record: BlockRecord) => void): Output {
  const waiting = new WeakSet<Block>()
  return {
    block(milestone, block, record) {
      if (milestone === 'waiting') waiting.add(block)
      if (milestone === 'waiting' || (milestone === 'closed' && !waiting.has(block))) take(record())
    },
  }
}

/** Shows a block when it is connected, when its race is decided, and when all is known; the first two only while somebody looks. */
const toPage = (live: Live): Output => ({
  block(milestone, block, record) {
    if (milestone === 'closed') live.update(record(), true)
    else if (milestone === 'caughtUp') live.remove(block)
    else if (milestone === 'waiting' || (live.isWatched && (milestone === 'connected' || milestone === 'decided')))
      live.update(record(), false)
  },
  nodeRemoved: () => live.changed(),
  processesChanged: () => live.changed(),
})
