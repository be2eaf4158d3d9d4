import type { IncomingMessage } from 'node:http'
import type { Health } from '../page/status.ts'
import { prefers } from './accept.ts'
import type { Answer, Route } from './answer.ts'

/** Says that the process works, whatever it measures. */
export function healthRoute(version: string): Route {
  return (request) => answerHealth(request, { ready: true, reasons: [] }, version)
}

/** Says whether the agent measures what it should, and if not, why. */
export function readyRoute(health: () => Health & { readonly warnings?: readonly string[] | undefined }, version: string): Route {
  return (request) => {
    const { warnings = [], ...now } = health()
    return answerHealth(request, now, version, { warnings })
  }
}

function answerHealth(request: IncomingMessage, { ready, reasons }: Health, version: string, more: object = {}): Answer {
  const status = ready ? 200 : 503
  if (prefers(request.headers.accept, 'application/json', 'text/plain')) {
    return { status, type: 'application/json', body: JSON.stringify({ status: ready ? 'ok' : 'not ready', reasons, ...more, version }) }
  }
  // A bare "OK", without a newline: existing checks compare it.
  return { status, body: ready ? 'OK' : reasons.map((reason) => `${reason}\n`).join('') }
}
