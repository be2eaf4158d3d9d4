import { once } from 'node:events'
import { Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { OTLPMetricExporterBase } from '@opentelemetry/exporter-metrics-otlp-http'
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http'
import {
  type IExportMetricsServiceResponse,
  JsonMetricsSerializer,
  MetricsExporterMetricsHelper,
  ProtobufMetricsSerializer,
} from '@opentelemetry/otlp-transformer'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'

/** Encoding of a request, as OTEL_EXPORTER_OTLP_PROTOCOL names it. */
type OtlpProtocol = 'http/json' | 'http/protobuf'

const encodings = {
  'http/json': {
    serializer: JsonMetricsSerializer,
    contentType: 'application/json',
    component: 'otlp_http_json_metric_exporter',
    empty: Buffer.from('{"resourceMetrics":[]}'),
  },
  'http/protobuf': {
    serializer: ProtobufMetricsSerializer,
    contentType: 'application/x-protobuf',
    component: 'otlp_http_metric_exporter',
    empty: Buffer.alloc(0),
  },
} as const

export interface OtlpOptions {
  /** The receiver's full URL, path included. */
  readonly url: string
  readonly protocol: OtlpProtocol
  readonly timeoutMillis: number
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  readonly proxy?: Readonly<Record<string, string>> | undefined
}

/** Answer of a receiver to a request that it took. */
export interface Answer {
  /** Points that it rejected for good. */
  readonly rejectedPoints: number
  /** Why, or what else it has to say; empty if nothing. */
  readonly message: string
}

/** Creates an exporter, and what ends an export at once. `answer` is called with a function that reads what came with the status 200, just before the result of the export; that function throws where it is no OTLP. */
export function createOtlpExporter({ url, protocol, timeoutMillis, proxy }: OtlpOptions, answer: (read: () => Answer) => void) {
  const { serializer, component } = encodings[protocol]
  const options = httpOptions({ url, protocol, timeoutMillis, proxy })
  let agent: HttpAgent | undefined
  let isCutOff = false
  const agentFactory = async (scheme: string) => (agent = await options.agentFactory(scheme))
  // Asked for before each try: one that is due after the end would deliver old values late.
  const headers = () => {
    if (isCutOff) throw new Error('cut off')
    return options.headers()
  }
  const listening = {
    serializeRequest(metrics: ResourceMetrics) {
      isCutOff = false
      return serializer.serializeRequest(metrics)
    },
    deserializeResponse(body: Uint8Array): IExportMetricsServiceResponse {
      answer(() => readAnswer(body, protocol))
      return {}
    },
  }
  const delegate = createOtlpHttpExportDelegate(
    { ...options, agentFactory, headers },
    listening,
    component,
    MetricsExporterMetricsHelper,
    undefined,
  )
  const cutOff = () => {
    isCutOff = true
    agent?.destroy()
  }
  return { exporter: new OTLPMetricExporterBase(delegate), cutOff }
}

/** Headers, compression and certificates come from OTEL_*. */
function httpOptions({ url, protocol, timeoutMillis, proxy }: OtlpOptions) {
  const { contentType } = encodings[protocol]
  const options = convertLegacyHttpOptions({ url, timeoutMillis }, 'METRICS', 'v1/metrics', { 'Content-Type': contentType })
  const agentFactory = async (scheme: string) => withProxy(await options.agentFactory(scheme), isLoopback(url) ? {} : (proxy ?? {}))
  return { ...options, agentFactory }
}

/** Answer of a receiver to a push of nothing. */
export interface TrialAnswer {
  readonly status: number
  /** Whether it is one that a receiver of OTLP gives. */
  readonly isOtlp: boolean
}

/** Pushes a request without metrics, with headers, certificates, compression and proxy of a push. Rejects if no answer comes. */
export async function tryPush(options: OtlpOptions): Promise<TrialAnswer> {
  const { url, protocol, timeoutMillis } = options
  const { headers, agentFactory, compression } = httpOptions(options)
  const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const agent = await agentFactory(new URL(url).protocol)
  const empty = encodings[protocol].empty
  const body = compression === 'gzip' ? process.getBuiltinModule('node:zlib').gzipSync(empty) : empty
  const all = { ...(await headers()), ...(compression === 'gzip' && { 'Content-Encoding': 'gzip' }), 'Content-Length': body.length }
  const outgoing = request(url, { method: 'POST', headers: all, agent, signal: AbortSignal.timeout(timeoutMillis) })
  outgoing.on('error', () => {}) // one that comes after the answer
  try {
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
    outgoing.end(body)
    const [response] = await answered
    const answer = await readSome(response)
    return { status: response.statusCode ?? 0, isOtlp: isAnswer(answer, protocol) }
  } finally {
    outgoing.destroy()
    agent.destroy()
  }
}

async function readSome(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MOST_BYTES) break
  }
  return Buffer.concat(chunks)
}

function isAnswer(body: Uint8Array, protocol: OtlpProtocol): boolean {
  try {
    readAnswer(body, protocol)
    return true
  } catch {
    return false
  }
}

type AnyAgent = HttpAgent & { readonly options: object }

/** Returns an equal agent of connections that goes through the proxy meant for an address. Takes Node.js 22.21 or 24.5. */
function withProxy(agent: HttpAgent, proxyEnv: Readonly<Record<string, string>>): HttpAgent {
  const options = { ...(agent as AnyAgent).options, proxyEnv }
  return agent instanceof HttpsAgent ? new HttpsAgent(options) : new HttpAgent(options)
}

/** Returns whether a URL is this machine's own. As in Go's programs, the Collector among them, it is reached through no proxy. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)
}

/** Reads an answer. Throws where it is none to a push of metrics. */
function readAnswer(body: Uint8Array, protocol: OtlpProtocol): Answer {
  const { partialSuccess } = parse(body, protocol)
  const { rejectedDataPoints, errorMessage } = partialSuccess ?? {}
  const rejectedPoints = Number(rejectedDataPoints ?? 0) // a text in JSON, because it has 64 bits
  return { rejectedPoints: rejectedPoints > 0 ? rejectedPoints : 0, message: firstLine(errorMessage ?? '') }
}

function parse(body: Uint8Array, protocol: OtlpProtocol): IExportMetricsServiceResponse {
  if (body.length === 0) return {}
  const text = Buffer.from(body).toString()
  try {
    if (protocol === 'http/protobuf' && !/^\s*\{/.test(text)) return ProtobufMetricsSerializer.deserializeResponse(body)
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json
  } catch {}
  throw new Error(`the endpoint takes no OTLP, is its path right? It answered: ${firstLine(text)}`)
}

/** More of an answer to a trial is not read. */
const MOST_BYTES = 64 * 1024

/** Enough to recognise a page of a proxy by. */
const MOST_CHARACTERS = 200

/** Returns the first line of what a server answered, fit for a log: short, without control characters. */
export function firstLine(text: string): string {
  const [line = ''] = text
    .replace(/[^\P{C}\n]+/gu, ' ')
    .trim()
    .split(/\s*\n/, 1)
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line
}
