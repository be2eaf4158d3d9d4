import { existsSync, readFileSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openCapture } from '../../../agent/capture/capture.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { until } from '../../harness/until.ts'
import { eventOf } from '../blocks/events.ts'
import { HASH, temporaryPath } from '../sources/recordings.ts'
import { openLoggedWebhook as openWebhook } from '../webhook/logged-webhook.ts'
import { slowAlert } from '../webhook/slow-block.ts'

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

describe('a file that was deleted is made anew, and that is logged once', () => {
  it('a recording, from the next event on', async () => {
    const file = temporaryPath()
    const { log, lines } = captureLog()
    const capture = await openCapture({ file, log })
    const record = (startUs: number) => capture.record(eventOf('udp:block_send_start', { blockHash: HASH, startUs }))
    record(1)
    await until(() => textOf(file).includes('"start_us":1'), 'the first line')
    rmSync(file)
    record(2)
    record(3)
    await capture.close()
    expect(textOf(file).match(/"start_us":\d/g)).toEqual(['"start_us":2', '"start_us":3'])
    expect(lines).toEqual([{ level: 40, file, msg: 'the recording was deleted; going on in a new file' }])
  })

  it('the queue of the webhook, with all that waits', async () => {
    const queueFile = temporaryPath('blocks.webhook-queue')
    const { webhook, logged } = await openWebhook({ url: 'http://127.0.0.1:1', queueFile })
    webhook.offer(slowAlert(1))
    await webhook.kept()
    rmSync(queueFile)
    webhook.offer(slowAlert(2))
    await webhook.kept()
    expect(textOf(queueFile).trimEnd().split('\n').slice(1)).toEqual([slowAlert(1), slowAlert(2)].map((alert) => JSON.stringify(alert)))
    expect(logged.filter(({ msg }) => msg.includes('deleted'))).toMatchObject([
      { path: queueFile, msg: 'the queue of the webhook was renamed or deleted; writing it anew' },
    ])
  })
})
