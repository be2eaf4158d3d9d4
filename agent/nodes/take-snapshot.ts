import type { EventSource } from '../sources/source.ts'
import type { Nodes } from './nodes.ts'
import { BLOCKLESS, LOST_FIBRE, type ProcessFault, readinessOf } from './readiness.ts'
import type { JournalState, Snapshot, WebhookState } from './snapshot.ts'

/** A file that lines are added to. */
export interface FileFaults {
  /** Why it cannot be written at present, if so. */
  readonly fault: string | undefined
  /** Why the old file is kept instead of a new one, if so. */
  readonly keptBy: string | undefined
}

/** The parts that a snapshot is taken of. */
export interface SnapshotParts extends Pick<Snapshot, 'version' | 'startedAt' | 'isUp' | 'pushing'> {
  readonly nodes: Nodes
  readonly source: Pick<EventSource, 'backlogSeconds' | 'warnings'>
  /** Absent until processes are watched, and in a replay. */
  readonly processes: { faults(): readonly ProcessFault[]; warnings(): readonly string[] } | undefined
  /** Absent where no capabilities are given up. */
  readonly privileges?: { readonly faults: readonly string[] } | undefined
  readonly journal: { readonly state: JournalState; readonly fault: string | undefined } | undefined
  readonly webhook: { readonly state: WebhookState; readonly headersFault: string | undefined } | undefined
  readonly capture: FileFaults | undefined
  readonly logFile: FileFaults | undefined
  /** Why the settings are older than those that are given, if so. */
  readonly settingsFault?: string | undefined
  /** Why no block is measured with these settings, if so. */
  readonly blockless?: string | undefined
  /** Files of the servers that cannot be read anew, in words. */
  readonly termsFaults?: readonly string[] | undefined
}

export function takeSnapshot(parts: SnapshotParts): Snapshot {
  const { version, startedAt, isUp, pushing, nodes, source, processes, journal, webhook } = parts
  const states = nodes.snapshot()
  return {
    version,
    startedAt,
    isUp,
    pushing,
    nodes: states,
    eventsProcessed: nodes.eventsProcessed,
    eventErrors: nodes.eventErrors,
    journal: journal?.state ?? { written: new Map(), failed: 0 },
    webhook: webhook?.state ?? { isFailing: false, delivered: 0, failed: 0, pending: 0, givenUp: 0, refused: 0 },
    warnings: [
      ...(parts.blockless === undefined ? [] : [`--tracepoints: ${parts.blockless}`]),
      ...(source.warnings?.() ?? []),
      ...(processes?.warnings() ?? []),
      ...(parts.privileges?.faults ?? []),
      ...states.filter(({ hasLostFibre }) => hasLostFibre).map(({ node }) => `${node}: ${LOST_FIBRE}`),
      ...states.filter(({ isBlockless }) => isBlockless).map(({ node }) => `${node}: ${BLOCKLESS}`),
      ...storeWarnings(parts),
      ...notReread('settings', parts.settingsFault),
      ...(parts.termsFaults ?? []),
    ],
    // Looked up only by those who ask: it reads the memory of processes.
    get readiness() {
      return readinessOf({
        nodes: states,
        backlogSeconds: source.backlogSeconds(),
        processFaults: processes?.faults() ?? [],
        silentProbes: (node) => nodes.silentProbes(node),
        heldProbes: (node) => nodes.heldProbes(node),
      })
    },
  }
}

function storeWarnings({ journal, webhook, capture, logFile }: SnapshotParts): readonly string[] {
  return [
    ...unwritable('journal', journal?.fault),
    ...(webhook?.state.isFailing ? [`The webhook does not take slow blocks; waiting: ${webhook.state.pending}. The log says why.`] : []),
    ...notReread("webhook's headers", webhook?.headersFault),
    ...unwritable('recording', capture?.fault),
    ...notReopened('recording', capture?.keptBy),
    ...unwritable('log', logFile?.fault),
    ...notReopened('log', logFile?.keptBy),
  ]
}

const warnOf = (text: string) => (file: string, fault: string | undefined) => (fault === undefined ? [] : [`The ${file} ${text}: ${fault}`])
const unwritable = warnOf('cannot be written')
const notReopened = warnOf('cannot be opened anew, going on in the old one')
const notReread = warnOf('cannot be read anew, still using the old ones')
