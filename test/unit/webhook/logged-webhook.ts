import { onTestFinished } from 'vitest'
import { openWebhook, type WebhookOptions } from '../../../agent/webhook/webhook.ts'
import { captureLog } from '../../harness/captured-log.ts'

/** A webhook that is tried again soon, until the test is finished, and what it logs. */
export async function openLoggedWebhook(options: Partial<WebhookOptions> & { readonly url: string }) {
  const { log, lines: logged } = captureLog()
  const webhook = await openWebhook({
    queueFile: undefined,
    version: '1.2.3',
    log,
    backoff: { firstMs: 10, mostMs: 40 },
    deadlineMs: 300,
    ...options,
  })
  onTestFinished(() => webhook.close())
  return { webhook, logged, messages: () => logged.map(({ msg }) => msg) }
}
