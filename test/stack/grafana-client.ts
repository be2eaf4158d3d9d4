import { type DashboardQueries, interpolate, type PanelQuery, type Variable, variablesIn } from './dashboard-queries.ts'
import type { Loki } from './loki.ts'
import type { Point, Prometheus } from './prometheus.ts'

/** Values of a dashboard's variables, by name. */
export type Choice = Readonly<Record<string, string>>

export interface QueryAnswer {
  /** Series with their points, or a stream's lines as points without a value. */
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly points: readonly Point[] }[]
  /** Remarks of the server on a query that it answers all the same. */
  readonly remarks: readonly string[]
}

export interface GrafanaClientOptions {
  readonly prometheus: Prometheus
  readonly loki?: Loki | undefined
  /** End of the dashboards' time range (Unix, seconds). */
  readonly end: number
  /** The same for logs, of which Loki takes only recent ones. */
  readonly logsEnd?: number
  readonly rangeSeconds?: number
  /** Panels are looked at in so few places at most: an hour apart, unless told otherwise. */
  readonly coarseStep?: number
}

const DAY = 86_400
/** Distances of points that Grafana chooses from, in seconds. */
const INTERVALS = [15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY]
/** Scrape interval that Grafana assumes by default. */
const SCRAPE = 15
/** A range is looked at in fewer places than a panel does; but for annotations, which look back no further than to the place before. */
const COARSE_STEP = 3600

/** Asks what dashboards ask, as Grafana does. */
export class GrafanaClient {
  readonly #options: GrafanaClientOptions
  readonly #known = new Map<string, Promise<QueryAnswer>>()

  constructor(options: GrafanaClientOptions) {
    this.#options = options
  }

  /** Every choice of values, those of a variable that depends on another asked for anew. */
  async choices({ variables }: Pick<DashboardQueries, 'variables'>): Promise<readonly Choice[]> {
    let choices: readonly Choice[] = [{}]
    for (const variable of variables) {
      const longer = await Promise.all(
        choices.map(async (choice) => (await this.#valuesOf(variable, choice)).map((value) => ({ ...choice, [variable.name]: value }))),
      )
      choices = longer.flat()
    }
    return choices
  }

  /** The choices that differ in what a query contains, or in what its reader is told. */
  async choicesFor({ expr, panel, legend }: PanelQuery, dashboard: DashboardQueries): Promise<readonly Choice[]> {
    const used = variablesIn(`${expr} ${panel} ${legend}`)
    const choices = (await this.choices(dashboard)).map((choice) => {
      return [JSON.stringify(Object.entries(choice).filter(([name]) => used.has(name))), choice] as const
    })
    return [...new Map(choices.toReversed()).values()].reverse()
  }

  /** The times for which a query has values. */
  timesOf(target: PanelQuery): readonly number[] {
    const { end } = this.#options
    const step = this.#stepOf(target)
    return target.mode === 'instant' ? [end] : Array.from({ length: this.#range / step + 1 }, (_, i) => end - this.#range + i * step)
  }

  /** Evaluates a query. The same query is sent once. */
  ask(target: PanelQuery, choice: Choice): Promise<QueryAnswer> {
    const rangeSeconds = this.#range
    const interval = this.#intervalOf(target)
    const expr = interpolate(target.expr, {
      ...choice,
      __interval: `${interval}s`,
      __interval_ms: `${interval * 1000}`,
      __rate_interval: `${Math.max(interval + SCRAPE, 4 * SCRAPE)}s`,
      __range: `${rangeSeconds}s`,
      __range_s: `${rangeSeconds}`,
      __auto: `${interval}s`,
    })
    const key = `${target.language} ${target.mode} ${interval} ${expr}`
    const answer = this.#known.get(key) ?? this.#send(target, expr, this.#stepOf(target))
    this.#known.set(key, answer)
    return answer
  }

  get #range(): number {
    return this.#options.rangeSeconds ?? DAY
  }

  /** The value that Grafana inserts for `$__interval`. */
  #intervalOf({ minStep, maxPoints }: PanelQuery): number {
    return Math.max(minStep, INTERVALS.find((interval) => interval >= this.#range / maxPoints) ?? DAY)
  }

  #stepOf(target: PanelQuery): number {
    return target.isAnnotation ? this.#intervalOf(target) : Math.max(this.#intervalOf(target), this.#options.coarseStep ?? COARSE_STEP)
  }

  async #send({ language, mode }: PanelQuery, expr: string, step: number): Promise<QueryAnswer> {
    const rangeSeconds = this.#range
    const { prometheus, loki, end, logsEnd = end } = this.#options
    if (language === 'promql') {
      const times = mode === 'instant' ? { time: end } : { start: end - rangeSeconds, end, step }
      return answerOf(await prometheus.ask(`/api/v1/query${mode === 'instant' ? '' : '_range'}`, { query: expr, ...times }))
    }
    if (loki === undefined) throw new Error('there is no Loki to ask')
    const times = mode === 'instant' ? { time: logsEnd } : { start: logsEnd - rangeSeconds, end: logsEnd, step, limit: 5000 }
    return answerOf(await loki.ask(`/loki/api/v1/query${mode === 'instant' ? '' : '_range'}`, { query: expr, ...times }))
  }

  async #valuesOf({ name, query, values, all }: Variable, choice: Choice): Promise<readonly string[]> {
    const found = query === undefined ? values : await this.#labelValues(interpolate(query, choice))
    const everything = all || `(${found.join('|')})`
    return all === undefined ? found : [everything, ...found.map((value) => (name === 'window' ? value : escaped(value)))]
  }

  async #labelValues(query: string): Promise<readonly string[]> {
    const [, selector, label] = /^label_values\((?:(.+), *)?(\w+)\)$/s.exec(query) ?? []
    if (label === undefined) throw new Error(`${query} is not understood`)
    const { end } = this.#options
    const { data } = (await this.#options.prometheus.ask(`/api/v1/label/${label}/values`, {
      'match[]': selector,
      start: end - DAY,
      end,
    })) as { data: readonly string[] }
    return data
  }
}

const escaped = (value: string) => value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&')

interface Body {
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
  readonly data: {
    readonly resultType: 'vector' | 'matrix' | 'streams' | 'scalar'
    readonly result: readonly Result[] | readonly [number, string]
  }
}

interface Result {
  readonly metric?: Readonly<Record<string, string>>
  readonly stream?: Readonly<Record<string, string>>
  readonly value?: readonly [number, string]
  readonly values?: readonly (readonly [number | string, string])[]
}

function answerOf(body: unknown): QueryAnswer {
  const { data, warnings = [], infos = [] } = body as Body
  const results =
    data.resultType === 'scalar' ? [{ metric: {}, value: data.result as readonly [number, string] }] : (data.result as Result[])
  return {
    remarks: [...warnings, ...infos],
    series: results.map(({ metric, stream, value, values }) => ({
      labels: metric ?? stream ?? {},
      points: (values ?? (value ? [value] : [])).map(([time, text]) =>
        data.resultType === 'streams'
          ? { time: Number(time) / 1e9, value: 1 }
          : { time: Number(time), value: Number(text.replace('Inf', 'Infinity')) },
      ),
    })),
  }
}
