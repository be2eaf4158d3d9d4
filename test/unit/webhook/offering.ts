// A process that offers slow blocks to a webhook, one a ms, and says each number once it did: `offering.ts URL QUEUE-FILE FIRST-NUMBER`.
import { writeSync } from 'node:fs'
import pino from 'pino'
import { openWebhook } from '../../../agent/webhook/webhook.ts'
import { slowAlert } from './slow-block.ts'

const [url = '', queueFile, first] = process.argv.slice(2)
const webhook = openWebhook({ url, queueFile, version: '1.2.3', log: pino({ level: 'silent' }) })
let number = Number(first)
setInterval(() => {
  webhook.offer(slowAlert(number))
  writeSync(1, `${number++}\n`)
}, 1)
