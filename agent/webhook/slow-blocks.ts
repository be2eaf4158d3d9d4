import type { Logger } from 'pino'
import type { BlockRecord } from '../blocks/record.ts'
import type { SlowThresholds } from '../blocks/severity.ts'
import { LineLimit } from './line-limit.ts'
import { slowBlockPayload } from './payload.ts'
import { slowBlockSummary } from './summary.ts'
import type { Webhook } from './webhook.ts'

/** Logs slow blocks, and posts them where there is a webhook. */
export class SlowBlocks {
  readonly #thresholds: SlowThresholds
  readonly #log: Logger
  readonly #webhook: Webhook | undefined
  readonly #lines: LineLimit

  constructor(thresholds: SlowThresholds, log: Logger, webhook?: Webhook) {
    this.#thresholds = thresholds
    this.#log = log
    this.#webhook = webhook
    this.#lines = new LineLimit({
      leftOut: (lines) => log.warn({ left_out: lines }, 'more slow blocks were not logged, within a minute; journal and webhook have them'),
    })
  }

  /** Takes the record of a block of which all is known. */
  take(record: BlockRecord): void {
    const payload = slowBlockPayload(record, this.#thresholds)
    if (payload === undefined) return
    if (this.#lines.allows()) this.#log.warn({ ...payload, summary: slowBlockSummary(record, payload) }, 'slow_block_alert')
    this.#webhook?.offer(payload)
  }

  close(): void {
    this.#lines.close()
  }
}
