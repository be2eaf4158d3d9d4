import { freePorts } from '../harness/free-ports.ts'
import { until } from '../harness/until.ts'
import { Server } from './server.ts'

export interface PrometheusOptions {
  readonly config: string
  /** Data directory. */
  readonly folder: string
  /** Whether it takes pushes. */
  readonly otlp?: boolean
}

type Labels = Readonly<Record<string, string>>

export interface Point {
  /** Unix time, seconds. */
  readonly time: number
  readonly value: number
}

/** A series at one time. Its name is the label `__name__`. */
export interface InstantSample extends Point {
  readonly labels: Labels
}

export interface RangeSeries {
  readonly labels: Labels
  readonly points: readonly Point[]
}

/** Starts a Prometheus as its configuration's head says. */
export async function startPrometheus({ config, folder, otlp = false }: PrometheusOptions): Promise<Prometheus> {
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const prometheus = new Prometheus({
    program: 'prometheus',
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}`,
      '--storage.tsdb.retention.time=30d',
      `--web.listen-address=127.0.0.1:${port}`,
      ...(otlp ? ['--web.enable-otlp-receiver'] : []),
    ],
    url,
    readyUrl: `${url}/-/ready`,
  })
  await prometheus.start()
  return prometheus
}

export class Prometheus extends Server {
  /** URL to which a Collector sends metrics. */
  get otlpUrl(): string {
    return `${this.url}/api/v1/otlp/v1/metrics`
  }

  /** Evaluates an expression, now or at some time (Unix, seconds). */
  async query(query: string, time?: number): Promise<readonly InstantSample[]> {
    return (await this.#result<Vector>('/api/v1/query', { query, time })).map(({ metric, value }) => ({
      labels: metric,
      ...pointOf(value),
    }))
  }

  /** Waits until an expression comes to anything. */
  until(query: string, what: string, timeoutMs?: number): Promise<void> {
    return until(async () => (await this.query(query)).length > 0, what, timeoutMs)
  }

  /** The stored samples of a range selector such as `up[5m]`, as they are. */
  async samples(selector: string): Promise<readonly RangeSeries[]> {
    return (await this.#result<Matrix>('/api/v1/query', { query: selector })).map(seriesOf)
  }

  /** Evaluates an expression at each step. Times in Unix seconds. */
  async queryRange(query: string, start: number, end: number, step: number): Promise<readonly RangeSeries[]> {
    return (await this.#result<Matrix>('/api/v1/query_range', { query, start, end, step })).map(seriesOf)
  }

  /** Labels of all series, of now or before, that the selector fits. */
  async series(selector: string): Promise<readonly Labels[]> {
    const { data } = (await this.ask('/api/v1/series', { 'match[]': selector })) as { data: readonly Labels[] }
    return data
  }

  async #result<Result>(path: string, parameters: Readonly<Record<string, string | number | undefined>>): Promise<Result> {
    const { data } = (await this.ask(path, parameters)) as { data: { result: Result } }
    return data.result
  }
}

type Pair = readonly [time: number, value: string]
type Vector = readonly { readonly metric: Labels; readonly value: Pair }[]
type Matrix = readonly { readonly metric: Labels; readonly values: readonly Pair[] }[]

const pointOf = ([time, value]: Pair): Point => ({ time, value: Number(value.replace('Inf', 'Infinity')) })
const seriesOf = ({ metric, values }: Matrix[number]): RangeSeries => ({ labels: metric, points: values.map(pointOf) })
