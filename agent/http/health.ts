import type { IncomingMessage } from 'node:http'
import { prefers } from './accept.ts'
import type { HttpAnswer, Route } from './answer.ts'

interface State {
  readonly ready: boolean
  /** Each a line of the answer; empty when ready. */
  readonly reasons: readonly string[]
  readonly warnings?: readonly string[] | undefined
}

/** Says that the process works, whatever it measures. */
export function healthRoute(version: string): Route {
  return (request) => answerHealth(request, { ready: true, reasons: [] }, version)
}

/** Says whether the agent measures what it should, and if not, why. */
export function readyRoute(state: () => State, version: string): Route {
  return (request) => {
    const { warnings = [], ...now } = state()
    return answerHealth(request, now, version, { warnings })
  }
}

function answerHealth(request: IncomingMessage, { ready, reasons }: State, version: string, more: object = {}): HttpAnswer {
  const status = ready ? 200 : 503
  if (prefers(request.headers.accept, 'application/json', 'text/plain')) {
    return { status, type: 'application/json', body: JSON.stringify({ status: ready ? 'ok' : 'not ready', reasons, ...more, version }) }
  }
  // A bare "OK", without a newline: existing checks compare it.
  return { status, body: ready ? 'OK' : reasons.map((reason) => `${reason}\n`).join('') }
}
