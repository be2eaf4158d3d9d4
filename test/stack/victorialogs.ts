import { freePorts } from '../harness/free-ports.ts'
import { until } from '../harness/until.ts'
import { Server } from './server.ts'

/** A line as VictoriaLogs gives it back. */
export interface StoredLine {
  readonly timeNs: bigint
  readonly line: string
  /** Fields of its stream. */
  readonly stream: Fields
  /** All other fields. */
  readonly fields: Fields
}

type Fields = Readonly<Record<string, string>>

const STREAM_FIELDS = ['job', 'node', 'service.name']
/** Fields that VictoriaLogs adds. */
const OWN_FIELDS = ['_time', '_msg', '_stream', '_stream_id', 'scope.name', 'scope.version', 'severity_number', 'severity_text']

/** Starts a VictoriaLogs as collector/README.md says. */
export async function startVictoriaLogs(folder: string): Promise<VictoriaLogs> {
  const [port] = (await freePorts(1)) as [number]
  const url = `http://127.0.0.1:${port}`
  const store = new VictoriaLogs({
    program: 'victorialogs',
    args: [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${folder}`,
      '-retentionPeriod=31d',
      '-insert.maxLineSizeBytes=1MiB',
      '-inmemoryDataFlushInterval=1s',
    ],
    url,
    readyUrl: `${url}/health`,
  })
  await store.start()
  return store
}

export class VictoriaLogs extends Server {
  /** Endpoint for a Collector's logs. */
  get otlpUrl(): string {
    return `${this.url}/insert/opentelemetry`
  }

  /** All lines that a LogsQL query selects, oldest first. */
  async query(query: string): Promise<readonly StoredLine[]> {
    const response = await fetch(new URL('/select/logsql/query', this.url), { method: 'POST', body: new URLSearchParams({ query }) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${query}: VictoriaLogs answered ${response.status}: ${text}`)
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.map((line) => storedLine(JSON.parse(line))).sort((a, b) => Number(a.timeNs - b.timeNs))
  }

  /** Number of different lines that a LogsQL query selects. */
  async countDistinct(query: string): Promise<number> {
    const answer = (await this.ask('/select/logsql/query', { query: `${query} | stats count_uniq(_msg) lines` })) as { lines?: string }
    return Number(answer.lines ?? 0)
  }

  /** Waits until all that it took is on disk: it acknowledges a line when it is in memory, and a kill loses those of -inmemoryDataFlushInterval. */
  async flushed(): Promise<void> {
    await until(async () => {
      const text = await (await fetch(`${this.url}/metrics`)).text()
      const counts = [...text.matchAll(/^vl_(?:pending_rows\{type="storage"\}|storage_rows\{type="storage\/inmemory"\}) (\d+)$/gm)]
      return counts.length === 2 && counts.every(([, count]) => count === '0')
    }, 'VictoriaLogs to have written all')
  }

  /** Fields of each stream that the selector fits, like `{job="bitcoin",node="a"}`. */
  async streams(selector: string): Promise<readonly string[]> {
    const { values } = (await this.ask('/select/logsql/streams', { query: selector })) as { values: readonly { value: string }[] }
    return values.map(({ value }) => value)
  }
}

function storedLine(all: Fields): StoredLine {
  const { _time = '', _msg = '' } = all
  const entries = Object.entries(all)
  return {
    timeNs: nanoseconds(_time),
    line: _msg,
    stream: Object.fromEntries(entries.filter(([name]) => STREAM_FIELDS.includes(name))),
    fields: Object.fromEntries(entries.filter(([name]) => !STREAM_FIELDS.includes(name) && !OWN_FIELDS.includes(name))),
  }
}

/** Unix time of `2026-11-26T13:03:53.768123Z`, nanoseconds. */
function nanoseconds(time: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? []
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}
