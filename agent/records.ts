import type { Logger } from 'pino'
import type { Block } from './blocks/block.ts'
import type { Outcome } from './blocks/blocks.ts'
import { type BlockRecord, recordOf } from './blocks/record.ts'
import type { SlowThresholds } from './blocks/severity.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import { LineLimit } from './line-limit.ts'
import type { JournalState, WebhookState } from './metrics/self.ts'
import type { Settings } from './settings/load.ts'
import { openWebhook, slowBlockPayload, type Webhook } from './webhook/webhook.ts'

/** Where the page learns of blocks. */
export interface RecordView {
  seed(records: Iterable<BlockRecord>): void
  update(record: BlockRecord, isFinal: boolean): void
  /** Whether it is worth while to tell of blocks of which more is to come. */
  readonly isWatched: boolean
}

/** When the page is told of a block of which more is to come. */
const shown: ReadonlySet<Outcome> = new Set(['connected', 'decided'])

/** Where the records of blocks go: webhook, journal, page. */
export class Records {
  readonly #journal: Journal | undefined
  readonly #webhook: Webhook | undefined
  readonly #thresholds: SlowThresholds | undefined
  readonly #log: Logger
  readonly #alertLines: LineLimit
  /** Hashes of the blocks that the journal has from before, by node. */
  readonly #known: ReadonlyMap<string, readonly string[]>
  /** Their records, until they are shown. */
  #recent: readonly BlockRecord[]
  #view: RecordView | undefined

  constructor(journal: Journal | undefined, webhook: Webhook | undefined, alertsFrom: SlowThresholds | undefined, log: Logger) {
    this.#journal = journal
    this.#webhook = webhook
    this.#thresholds = alertsFrom
    this.#log = log
    this.#alertLines = new LineLimit({
      leftOut: (lines) => log.warn({ left_out: lines }, 'more slow blocks were not logged, within a minute; journal and webhook have them'),
    })
    this.#recent = journal?.recent() ?? []
    const byNode = Map.groupBy(this.#recent, ({ node }) => node)
    this.#known = new Map([...byNode].map(([node, records]) => [node, records.map(({ block_hash }) => block_hash)]))
  }

  /** Also shows records there, those of before first. */
  show(view: RecordView): void {
    view.seed(this.#recent)
    this.#recent = []
    this.#view = view
  }

  /** Hashes of a node's blocks that the journal has from before. */
  knownBlocks(node: string): readonly string[] {
    return this.#known.get(node) ?? []
  }

  take(outcome: Outcome, block: Block): void {
    const isFinal = outcome === 'closed'
    if (!isFinal && !(this.#view?.isWatched && shown.has(outcome))) return
    const record = recordOf(block)
    if (isFinal) {
      this.#alert(record) // before the journal has it: what is killed in between repeats rather than omits
      this.#journal?.append(record)
    }
    this.#view?.update(record, isFinal)
  }

  /** Ends the series of a node. */
  forget(node: string): void {
    this.#journal?.forget(node)
  }

  get journalState(): JournalState {
    return this.#journal?.state ?? { written: new Map(), failed: 0 }
  }

  get webhookState(): WebhookState {
    return this.#webhook?.state ?? { delivered: 0, failed: 0, pending: 0, givenUp: 0, refused: 0 }
  }

  /** What an operator should see to, in words. */
  get warnings(): readonly string[] {
    const { isFailing, pending } = this.#webhook?.state ?? { isFailing: false, pending: 0 }
    return [
      ...(this.#journal?.fault === undefined ? [] : [`The journal cannot be written: ${this.#journal.fault}`]),
      ...(isFailing ? [`The webhook does not take slow blocks; waiting: ${pending}. The log says why.`] : []),
    ]
  }

  /** Opens the journal anew, after it was rotated, and reads the webhook's headers anew. */
  reopen(): void {
    this.#journal?.reopen()
    void this.#webhook?.reload()
  }

  async close(): Promise<void> {
    this.#alertLines.close()
    await Promise.all([this.#journal?.close(), this.#webhook?.close()])
  }

  #alert(record: BlockRecord): void {
    const payload = this.#thresholds && slowBlockPayload(record, this.#thresholds)
    if (payload === undefined) return
    if (this.#alertLines.allows()) this.#log.warn(payload, 'slow_block_alert')
    this.#webhook?.offer(payload)
  }
}

export async function openRecords(settings: Settings, version: string, log: Logger): Promise<Records> {
  const { journal: path, journalFileBytes: maxFileBytes, journalKeep: keep, alerts } = settings
  const webhook = await openWebhookOf(settings, version, log)
  const before = async () => webhook?.kept()
  const journal = path === undefined ? undefined : await openJournal({ path, maxFileBytes, keep, log, before })
  return new Records(journal, webhook, alerts ? thresholdsOf(settings) : undefined, log)
}

async function openWebhookOf(settings: Settings, version: string, log: Logger): Promise<Webhook | undefined> {
  const { journal, alerts, alertWebhookUrl: url, alertWebhookHeaders: headers, alertWebhookHeadersFile: headersFile } = settings
  const queueFile = journal?.replace(/(\.[^./]*)?$/, '.webhook-queue')
  return alerts && url !== undefined ? openWebhook({ url, headers, headersFile, queueFile, version, log }) : undefined
}

export function thresholdsOf({ slowThresholdMs: slowMs, verySlowThresholdMs: verySlowMs }: Settings): SlowThresholds {
  return { slowMs, verySlowMs }
}
