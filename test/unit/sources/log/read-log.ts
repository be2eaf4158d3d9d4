import type { SaidEvent } from '../../../../agent/sources/log/messages.ts'
import { NodeLog } from '../../../../agent/sources/log/node-log.ts'
import type { SaidMessage } from '../../../../agent/sources/log/relaying.ts'

/** Reads lines as they are read of a log that grows. The clock stands still, so that lines have the time that they tell. */
export function readLog(lines: readonly string[], nowUs = 0) {
  const events: (SaidEvent & { readonly unixUs: number })[] = []
  const messages: SaidMessage[] = []
  const headers = { headers: 0, cmpctblock: 0 }
  const gaps: string[] = []
  const log = new NodeLog(
    {
      event: (event, unixUs) => void events.push({ ...event, unixUs }),
      message: (message) => void messages.push(message),
      header: (byCompactBlock) => void headers[byCompactBlock ? 'cmpctblock' : 'headers']++,
      gap: (reason) => void gaps.push(reason),
      observed() {},
    },
    () => nowUs,
  )
  log.lines(lines)
  return { events, messages, headers, gaps, log }
}
