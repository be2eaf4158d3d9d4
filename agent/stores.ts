import type { Logger } from 'pino'
import type { SlowThresholds } from './blocks/severity.ts'
import { type Capture, openCapture } from './capture/capture.ts'
import { besideJournal } from './journal/files.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import type { Settings } from './settings/load.ts'
import { SlowBlocks } from './webhook/slow-blocks.ts'
import { openWebhook, type Webhook } from './webhook/webhook.ts'

/** The files, and the receiver, in which records of blocks and events outlive the agent. Each is there only if the settings name it. */
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

/** Throws, with nothing left open, if another agent writes one of the files. */
export async function openStores(settings: Settings, version: string, log: Logger): Promise<Stores> {
  const { alerts, journal: path, journalFileBytes: maxFileBytes, journalKeep: keep, record: file } = settings
  const opened: { close(): unknown }[] = []
  const close = async () => void (await Promise.all(opened.map((store) => store.close())))
  const noted = <Store extends { close(): unknown } | undefined>(store: Store): Store => {
    if (store) opened.push(store)
    return store
  }
  try {
    const webhook = noted(await openWebhookOf(settings, version, log))
    const slowBlocks = noted(alerts ? new SlowBlocks(thresholdsOf(settings), log, webhook) : undefined)
    const before = async () => webhook?.kept() // what is killed in between repeats an alert rather than omits it
    const journal = noted(path === undefined ? undefined : await openJournal({ path, maxFileBytes, keep, log, before }))
    const capture = noted(file === undefined ? undefined : await openCapture({ file, log }))
    const reload = () => {
      journal?.reopen()
      capture?.reopen()
      void webhook?.reload()
    }
    return { webhook, slowBlocks, journal, capture, reload, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** From when on a block is slow. */
export function thresholdsOf({ slowThresholdMs: slowMs, verySlowThresholdMs: verySlowMs }: Settings): SlowThresholds {
  return { slowMs, verySlowMs }
}

async function openWebhookOf(settings: Settings, version: string, log: Logger): Promise<Webhook | undefined> {
  const { journal, alerts, alertWebhookUrl: url, alertWebhookHeaders: headers, alertWebhookHeadersFile: headersFile } = settings
  const queueFile = journal === undefined ? undefined : besideJournal(journal, '.webhook-queue')
  return alerts && url !== undefined ? openWebhook({ url, headers, headersFile, queueFile, version, log }) : undefined
}
