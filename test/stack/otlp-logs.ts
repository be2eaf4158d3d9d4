import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBody } from '../harness/request-body.ts'

type Value =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | Readonly<Record<string, unknown>>

interface KeyValue {
  readonly key: string
  readonly value: Value
}

interface Push {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes?: readonly KeyValue[] }
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly timeUnixNano?: string
        readonly observedTimeUnixNano?: string
        readonly severityText?: string
        readonly severityNumber?: number
        readonly body?: Value
        readonly attributes?: readonly KeyValue[]
      }[]
    }[]
  }[]
}

/** A log record as it arrived, values as plain ones. */
export interface ReceivedLog {
  readonly body: unknown
  readonly timeNs: bigint
  readonly observedNs: bigint
  readonly severity: number
  readonly resource: Readonly<Record<string, unknown>>
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Takes logs as OTLP/HTTP in JSON, in the place of Loki. */
export async function startLogReceiver() {
  const received: ReceivedLog[] = []
  const server = createServer(async (request, response) => {
    const body = await readBody(request)
    if (!body) return
    received.push(...recordsOf(JSON.parse(body.toString())))
    response.setHeader('Content-Type', 'application/json').end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  /** Configuration over the Collector's own that makes it send its logs here. */
  const overlay = `yaml:exporters: {otlp_http/logs: {endpoint: '${url}', encoding: json, compression: none}}`
  return { received, overlay, [Symbol.dispose]: () => void server.close().closeAllConnections() }
}

function recordsOf({ resourceLogs }: Push): ReceivedLog[] {
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => ({
        body: plain(record.body ?? {}),
        timeNs: BigInt(record.timeUnixNano ?? 0),
        observedNs: BigInt(record.observedTimeUnixNano ?? 0),
        severity: record.severityNumber ?? 0,
        resource: plainAll(resource.attributes),
        attributes: plainAll(record.attributes),
      })),
    ),
  )
}

function plainAll(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]))
}

function plain(value: Value): unknown {
  const [kind, content] = Object.entries(value)[0] ?? []
  return kind === 'intValue' ? Number(content) : content
}
