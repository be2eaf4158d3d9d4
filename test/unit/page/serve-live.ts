import { onTestFinished } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import type { Snapshot } from '../../../agent/nodes/snapshot.ts'
import { openLive } from '../../../agent/page/live.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { until } from '../../harness/until.ts'
import { serve } from '../http/serve.ts'
import { quiet } from './records.ts'

export interface Sent {
  readonly event: string
  readonly text: string
}

/** Serves a page until the test is finished. Its state is `state.now`. */
export async function serveLive(records: readonly BlockRecord[] = [], snapshot: Snapshot = quiet) {
  const state = { now: snapshot }
  const { log, lines: logged } = captureLog()
  const live = openLive({ snapshot: () => state.now, thresholds: { slowMs: 50, verySlowMs: 100 }, log })
  live.seed(records)
  const server = await serve({ routes: live.routes })
  onTestFinished(() => live.close())
  return { live, state, server, logged, get: (path: string) => fetch(server.url + path) }
}

/** Returns the text of a page, without style, script and tags. */
export function wordsOf(markup: string): string {
  return markup
    .replace(/<(style|script).*?<\/\1>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
    .replace(/\s+/g, ' ')
}

/** Opens a stream of events, as a page does, and keeps what is sent. */
export async function openStream(url: string) {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const response = await fetch(url, { signal: abort.signal })
  const sent: Sent[] = []
  const stream = { response, sent, isEnded: false, abort: () => abort.abort(), next }
  if (response.status === 200)
    read()
      .catch(() => {})
      .finally(() => Object.assign(stream, { isEnded: true }))
  return stream

  async function read() {
    let rest = ''
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (rest + text).split('\n\n')
      rest = events.pop() ?? ''
      sent.push(...events.map(parse))
    }
  }

  /** Returns the events up to the next `now`, which ends each push. */
  async function next(): Promise<readonly Sent[]> {
    await until(() => sent.some(({ event }) => event === 'now'), 'a push')
    return sent.splice(0, sent.findIndex(({ event }) => event === 'now') + 1)
  }
}

function parse(event: string): Sent {
  const [name = '', ...lines] = event.split('\n')
  return { event: name.replace('event: ', ''), text: lines.map((line) => line.replace('data: ', '')).join('\n') }
}
