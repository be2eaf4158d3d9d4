import type { Logger } from 'pino'
import type { SlowThresholds } from './blocks/severity.ts'
import { type Capture, openCapture } from './capture/capture.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import type { Settings } from './settings/load.ts'
import { SlowBlocks } from './webhook/slow-blocks.ts'
import { openWebhook, type Webhook } from './webhook/webhook.ts'

/** Where records of blocks, and events, go beyond the life of the agent. Each is there only if the settings name it. */
export interface Stores {
  readonly webhook: Webhook | undefined
  readonly slowBlocks: SlowBlocks | undefined
  readonly journal: Journal | undefined
  readonly capture: Capture | undefined
  /** Opens files anew, after they were rotated, and reads the webhook's headers anew. */
  reload(): void
  /** Writes what waits and closes. */
  close(): Promise<void>
}

export async function openStores(settings: Settings, version: string, log: Logger): Promise<Stores> {
  const { alerts, journal: path, journalFileBytes: maxFileBytes, journalKeep: keep, record: file } = settings
  const webhook = await openWebhookOf(settings, version, log)
  const slowBlocks = alerts ? new SlowBlocks(thresholdsOf(settings), log, webhook) : undefined
  const before = async () => webhook?.kept() // what is killed in between repeats an alert rather than omits it
  const journal = path === undefined ? undefined : await openJournal({ path, maxFileBytes, keep, log, before })
  const capture = file === undefined ? undefined : openCapture({ file, log })
  return {
    webhook,
    slowBlocks,
    journal,
    capture,
    reload() {
      journal?.reopen()
      capture?.reopen()
      void webhook?.reload()
    },
    async close() {
      slowBlocks?.close()
      await Promise.all([capture?.close(), journal?.close(), webhook?.close()])
    },
  }
}

/** From when on a block is slow. */
export function thresholdsOf({ slowThresholdMs: slowMs, verySlowThresholdMs: verySlowMs }: Settings): SlowThresholds {
  return { slowMs, verySlowMs }
}

async function openWebhookOf(settings: Settings, version: string, log: Logger): Promise<Webhook | undefined> {
  const { journal, alerts, alertWebhookUrl: url, alertWebhookHeaders: headers, alertWebhookHeadersFile: headersFile } = settings
  const queueFile = journal?.replace(/(\.[^./]*)?$/, '.webhook-queue')
  return alerts && url !== undefined ? openWebhook({ url, headers, headersFile, queueFile, version, log }) : undefined
}
