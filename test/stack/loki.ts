import { freePorts } from '../harness/free-ports.ts'
import { Server } from './server.ts'

export interface LokiOptions {
  readonly config: string
  /** Data directory. */
  readonly folder: string
  /** Folder of its tenants' rules. */
  readonly rules?: string
}

/** A rule as the ruler tells of it. */
export interface LokiRule {
  readonly name: string
  readonly health: string
  readonly lastError?: string
  readonly lastEvaluation: string
  readonly alerts?: readonly { readonly state: string; readonly labels: Labels; readonly annotations: Labels }[]
}

type Labels = Readonly<Record<string, string>>

/** A line as Loki gives it back. */
export interface LokiEntry {
  readonly timeNs: bigint
  readonly line: string
  /** Labels of its index. */
  readonly labels: Readonly<Record<string, string>>
  /** Its structured metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

export interface LokiRange {
  /** Unix time, nanoseconds: from the first, up to and without the second. */
  readonly startNs: bigint
  readonly endNs: bigint
  /** At most 5,000. */
  readonly limit: number
}

/** Starts a Loki as its configuration's head says. */
export async function startLoki({ config, folder, rules }: LokiOptions): Promise<Loki> {
  const [port, grpcPort] = await freePorts(2)
  const url = `http://127.0.0.1:${port}`
  const loki = new Loki({
    program: 'loki',
    args: [`-config.file=${config}`, '-config.expand-env=true'],
    env: {
      LOKI_BIND: '127.0.0.1',
      LOKI_PORT: `${port}`,
      LOKI_GRPC_PORT: `${grpcPort}`,
      LOKI_DATA: folder,
      ...(rules && { LOKI_RULES: rules }),
    },
    url,
    readyUrl: `${url}/ready`,
  })
  await loki.start()
  return loki
}

export class Loki extends Server {
  /** URL to which a Collector sends logs. */
  get otlpUrl(): string {
    return `${this.url}/otlp`
  }

  /** The lines of a time, oldest first. */
  async queryRange(query: string, { startNs, endNs, limit }: LokiRange): Promise<readonly LokiEntry[]> {
    const range = { start: `${startNs}`, end: `${endNs}`, limit, direction: 'forward' }
    // Else metadata and labels come as one.
    const apart = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' }
    const { data } = (await this.ask('/loki/api/v1/query_range', { query, ...range }, apart)) as Answer
    return data.result
      .flatMap(({ stream, values }) =>
        values.map(([time, line, { structuredMetadata = {} }]) => ({
          timeNs: BigInt(time),
          line,
          labels: stream,
          metadata: structuredMetadata,
        })),
      )
      .sort((a, b) => Number(a.timeNs - b.timeNs))
  }

  /** Rules as the ruler knows them. */
  async rules(): Promise<readonly LokiRule[]> {
    const { data } = (await this.ask('/prometheus/api/v1/rules', {})) as { data: { groups: readonly { rules: readonly LokiRule[] }[] } }
    return data.groups.flatMap(({ rules }) => rules)
  }

  /** Labels of all streams that the selector fits. */
  async streams(selector: string, { startNs, endNs }: Omit<LokiRange, 'limit'>): Promise<readonly Readonly<Record<string, string>>[]> {
    const range = { 'match[]': selector, start: `${startNs}`, end: `${endNs}` }
    const { data } = (await this.ask('/loki/api/v1/series', range)) as { data: readonly Readonly<Record<string, string>>[] }
    return data
  }
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly stream: Readonly<Record<string, string>>
      readonly values: readonly (readonly [
        time: string,
        line: string,
        categories: { readonly structuredMetadata?: Readonly<Record<string, string>> },
      ])[]
    }[]
  }
}
