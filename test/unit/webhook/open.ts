import pino from 'pino'
import { onTestFinished } from 'vitest'
import { openWebhook, type WebhookOptions } from '../../../agent/webhook/webhook.ts'

type LogLine = { readonly level: number; readonly msg: string; readonly [field: string]: unknown }

/** A webhook that is tried again soon, until the test is finished, and what it logs. */
export async function open(options: Partial<WebhookOptions> & { readonly url: string }) {
  const logged: LogLine[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
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
