import type { EventSource } from '../sources/source.ts'
import type { Nodes } from './nodes.ts'
import { type ProcessFault, readinessOf } from './readiness.ts'
import type { JournalState, Snapshot, WebhookState } from './snapshot.ts'

/** The parts that a snapshot is taken of. */
export interface SnapshotParts extends Pick<Snapshot, 'version' | 'startedAt' | 'isUp' | 'pushing'> {
  readonly nodes: Nodes
  readonly source: Pick<EventSource, 'backlogSeconds'>
  /** Absent until processes are watched, and in a replay. */
  readonly processes: { faults(): readonly ProcessFault[]; warnings(): readonly string[] } | undefined
  readonly journal: { readonly state: JournalState; readonly fault: string | undefined } | undefined
  readonly webhook: { readonly state: WebhookState } | undefined
}

export function takeSnapshot({ nodes, source, processes, journal, webhook, ...agent }: SnapshotParts): Snapshot {
  const states = nodes.snapshot()
  return {
    ...agent,
    nodes: states,
    eventsProcessed: nodes.eventsProcessed,
    eventErrors: nodes.eventErrors,
    journal: journal?.state ?? { written: new Map(), failed: 0 },
    webhook: webhook?.state ?? { isFailing: false, delivered: 0, failed: 0, pending: 0, givenUp: 0, refused: 0 },
    warnings: [...(processes?.warnings() ?? []), ...storeWarnings(journal?.fault, webhook?.state)],
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

function storeWarnings(journalFault: string | undefined, webhook: WebhookState | undefined): readonly string[] {
  return [
    ...(journalFault === undefined ? [] : [`The journal cannot be written: ${journalFault}`]),
    ...(webhook?.isFailing ? [`The webhook does not take slow blocks; waiting: ${webhook.pending}. The log says why.`] : []),
  ]
}
