// A process that offers slow blocks to a webhook, one a ms, and says each number once it is kept: `offering.ts URL QUEUE-FILE FIRST-NUMBER`.
import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openWebhook } from '../../../agent/webhook/webhook.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { slowAlert } from './slow-block.ts'

const [url = '', queueFile, first] = process.argv.slice(2)
const webhook = await openWebhook({ url, queueFile, version: '1.2.3', log: silentLog })
let number = Number(first)
for (; ; number++) {
  webhook.offer(slowAlert(number))
  await webhook.kept()
  writeSync(1, `${number}\n`)
  await setTimeout(1)
}
