import { once } from 'node:events'
import { isIP } from 'node:net'
import type { LoadedSettings, Settings } from '../../settings/load.ts'
import { explainConnection } from './connection-errors.ts'
import type { Finding } from './finding.ts'

const area = 'receivers'
const TIMEOUT_MS = 1_500

/** Tries the receivers of the settings: the Collector with a push of nothing, the webhook without a post. */
export async function judgeReceivers(loaded: LoadedSettings): Promise<readonly Finding[]> {
  const { settings } = loaded
  return (await Promise.all([judgeCollector(loaded), settings.alerts ? judgeWebhook(settings) : []])).flat()
}

/** Only host and port are told: the rest of an address may be secret, as may be what a server answers. */
function placeOf(address: string) {
  const { hostname, port, protocol } = new URL(address)
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  return { host: hostname.replace(/^\[|\]$/g, ''), port: number, shown: `${hostname}:${number}`, isEncrypted: protocol === 'https:' }
}

async function judgeCollector({ settings, proxy }: LoadedSettings): Promise<readonly Finding[]> {
  const { otlpEndpoint: url, otlpProtocol: protocol } = settings
  if (url === undefined) return []
  const { shown, port } = placeOf(url)
  const name = `the Collector at ${shown}${Object.keys(proxy).length > 0 ? ' (the environment names a proxy)' : ''}`
  const why = 'what is pushed is lost meanwhile; scrapes are not touched'
  try {
    const { tryPush } = await import('../../metrics/otel/otlp.ts')
    return [judgeAnswer(name, await tryPush({ url, protocol, proxy, timeoutMillis: TIMEOUT_MS }))]
  } catch (error) {
    const grpc = port === 4317 ? '; 4317 is usually the port for gRPC, and 4318 that for HTTP' : ''
    const what = `${name} cannot be reached: ${explainConnection(error)}`
    return [
      {
        area,
        level: 'warning',
        what,
        why,
        todo: `start it, or correct --otlp-endpoint and its certificates (OTEL_EXPORTER_OTLP_…)${grpc}`,
      },
    ]
  }
}

/** Judges the answer of a Collector to a push of nothing. */
export function judgeAnswer(name: string, { status, isOtlp }: { readonly status: number; readonly isOtlp: boolean }): Finding {
  const isTaken = status >= 200 && status <= 299
  if (isTaken && isOtlp) return { area, level: 'ok', what: `${name} takes metrics` }
  const [said, todo] = isTaken ? notOtlp : (refusals[status] ?? [`answers ${status}`, 'look at its log'])
  return { area, level: 'warning', what: `${name} ${said}`, why: 'it takes no metrics, and what is pushed is lost', todo }
}

const path = 'give the path of its receiver in --otlp-endpoint: /v1/metrics for a Collector, /api/v1/otlp/v1/metrics for Prometheus'
const credentials = 'give its credentials in OTEL_EXPORTER_OTLP_HEADERS'
const protocols = 'give the other --otlp-protocol'
const notOtlp = ['answers, but not as a receiver of OTLP', path] as const
const refusals: Readonly<Record<number, readonly [said: string, todo: string]>> = {
  400: ['does not understand the request: it answers 400', protocols],
  401: ['refuses the credentials: it answers 401', credentials],
  403: ['refuses the credentials: it answers 403', credentials],
  404: ['has no receiver of OTLP at this path: it answers 404', path],
  405: ['has no receiver of OTLP at this path: it answers 405', path],
  415: ['does not take this encoding: it answers 415', protocols],
  429: ['is busy: it answers 429', 'push less often (--otlp-interval), or give it more room'],
  503: ['is not ready: it answers 503', 'look at its log'],
}

/** Looks up its name, connects, and shakes hands as TLS does. */
async function judgeWebhook(settings: Settings): Promise<readonly Finding[]> {
  const { alertWebhookUrl: url } = settings
  if (url === undefined) return []
  const { host, port, shown, isEncrypted } = placeOf(url)
  const name = `the webhook at ${shown}`
  try {
    await connect(host, port, isEncrypted)
    return [{ area, level: 'ok', what: `${name} takes ${isEncrypted ? 'connections, and its certificate is trusted' : 'connections'}` }]
  } catch (error) {
    const why = 'slow blocks are told late, or not at all'
    const todo = 'start it, or correct --alert-webhook-url'
    return [{ area, level: 'warning', what: `${name} cannot be reached: ${explainConnection(error)}`, why, todo }]
  }
}

async function connect(host: string, port: number, isEncrypted: boolean): Promise<void> {
  const socket = isEncrypted
    ? process.getBuiltinModule('node:tls').connect({ host, port, ...(isIP(host) === 0 && { servername: host }) })
    : process.getBuiltinModule('node:net').connect({ host, port })
  try {
    await once(socket, isEncrypted ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  } finally {
    socket.destroy()
  }
}
