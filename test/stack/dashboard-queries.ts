import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'

const folder = join(import.meta.dirname, '../../dashboards')

/** A query of a panel or an annotation. */
export interface PanelQuery {
  readonly panel: string
  readonly refId: string
  /** Name of its values: a legend, or the heading of a table's column. */
  readonly legend: string
  readonly language: 'promql' | 'logql'
  /** For one time, for a range of times, or for lines of log. */
  readonly mode: 'instant' | 'range' | 'lines'
  readonly expr: string
  readonly isAnnotation: boolean
  /** Least distance of two points, in seconds. */
  readonly minStep: number
  /** Most points that are asked for. */
  readonly maxPoints: number
}

/** A variable and the values it can take, as far as they are not asked for. */
export interface Variable {
  readonly name: string
  /** `label_values(…)`, in the data source's language. */
  readonly query: string | undefined
  readonly values: readonly string[]
  /** Value that means all values, if all can be chosen. */
  readonly all: string | undefined
}

export interface DashboardQueries {
  readonly uid: string
  readonly title: string
  readonly variables: readonly Variable[]
  readonly targets: readonly PanelQuery[]
}

/** All generated dashboards, read as Grafana reads them. */
export function readDashboards(): readonly DashboardQueries[] {
  return globSync('**/*.json', { cwd: folder, exclude: ['node_modules'] })
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Json)
    .filter(({ panels }) => panels)
    .map((dashboard) => {
      const variables = dashboard.templating?.list ?? []
      const languages = new Map(variables.filter(({ type }) => type === 'datasource').map(({ name, query }) => [`$${name}`, query]))
      return {
        uid: dashboard.uid ?? '',
        title: dashboard.title ?? '',
        variables: variables.filter(({ type }) => type !== 'datasource').map(variableOf),
        targets: [
          ...(dashboard.panels ?? []).flatMap(panelsIn).flatMap((panel) => targetsOf(panel, languages)),
          ...annotationsOf(dashboard),
        ],
      }
    })
}

export interface Rule {
  readonly name: string
  readonly isAlert: boolean
  readonly language: PanelQuery['language']
  readonly expr: string
}

/** All rules of generated files; those for Loki are named for it. */
export function readRules(): readonly Rule[] {
  return ruleFiles().flatMap((file) => {
    const { groups } = parse(readFileSync(file, 'utf8')) as { groups: readonly { rules: readonly Record<string, string>[] }[] }
    return groups
      .flatMap(({ rules }) => rules)
      .map(({ alert, record, expr = '' }) => ({
        name: alert ?? record ?? '',
        isAlert: alert !== undefined,
        language: languageOf(file),
        expr,
      }))
  })
}

/** Paths of the files of rules, or of those in one language. */
export const ruleFiles = (language?: PanelQuery['language']): readonly string[] =>
  globSync('*.yaml', { cwd: folder })
    .sort()
    .map((file) => join(folder, file))
    .filter((file) => /^groups:/m.test(readFileSync(file, 'utf8')) && (language === undefined || languageOf(file) === language))

const languageOf = (file: string): PanelQuery['language'] => (basename(file).startsWith('loki') ? 'logql' : 'promql')

/** Every name of a metric or a label that dashboards and rules ask for, and more. */
export function namesAskedFor(dashboards: readonly DashboardQueries[]): ReadonlySet<string> {
  const queries = dashboards.flatMap(({ targets, variables }) => [
    ...targets.map(({ expr }) => expr),
    ...variables.map(({ query }) => query),
  ])
  return new Set([...queries, ...readRules().map(({ expr }) => expr)].join('\n').match(/[a-z_]+/g))
}

/** Puts values in the places of variables, Grafana's own among them. Fails on one that has none. */
export function interpolate(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (place, braced, plain) => {
    const value = values[braced ?? plain]
    if (value === undefined) throw new Error(`${place} in ${text} has no value`)
    return value
  })
}

/** The names of the variables in a text. */
export const variablesIn = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g)].map(([, braced, plain]) => braced ?? plain ?? ''))

/** A duration such as `10m`, in seconds. */
export function secondsOf(duration: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(duration) ?? []
  if (!unit) throw new Error(`${duration} is no duration`)
  return Number(count) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit as 's' | 'm' | 'h' | 'd']
}

/** Maximum number of points that Prometheus returns. */
const MOST_POINTS = 11_000
/** Pixels of a usual panel, of which each can show a point. */
const WIDTH = 1000

interface Json {
  readonly uid?: string
  readonly title?: string
  readonly panels?: readonly PanelJson[]
  readonly templating?: { readonly list?: readonly VariableJson[] }
  readonly annotations?: { readonly list?: readonly (TargetJson & { readonly name?: string })[] }
}

interface PanelJson {
  readonly title?: string
  readonly interval?: string
  readonly maxDataPoints?: number
  readonly targets?: readonly TargetJson[]
  readonly panels?: readonly PanelJson[]
  readonly transformations?: readonly { readonly options?: { readonly renameByName?: Readonly<Record<string, string>> } }[]
}

interface TargetJson {
  readonly refId?: string
  readonly expr?: string
  readonly legendFormat?: string
  readonly instant?: boolean
  readonly range?: boolean
  readonly queryType?: string
  readonly interval?: string
  readonly step?: string
  readonly datasource?: { readonly type?: string; readonly uid?: string }
}

interface VariableJson {
  readonly type: string
  readonly name: string
  readonly query?: string | { readonly query?: string }
  readonly includeAll?: boolean
  readonly allValue?: string
}

/** A row that is folded holds its panels itself. */
const panelsIn = (panel: PanelJson): readonly PanelJson[] => [panel, ...(panel.panels ?? []).flatMap(panelsIn)]

function targetsOf(panel: PanelJson, languages: ReadonlyMap<string, unknown>): readonly PanelQuery[] {
  const { title = '', interval, maxDataPoints: maxPoints = WIDTH, targets = [] } = panel
  return targets.flatMap((target) => {
    if (target.expr === undefined) return []
    const { type, uid = '' } = target.datasource ?? {}
    if (languages.size > 0 && languages.get(uid) !== type) throw new Error(`${title} asks ${uid}, which is no variable of a ${type}`)
    const language = type === 'loki' ? 'logql' : 'promql'
    const { refId = '', legendFormat, expr } = target
    const isAnnotation = false
    const legend = legendFormat || headingOf(panel, `Value #${refId}`)
    const minStep = secondsOf(target.interval ?? interval ?? '1s')
    return [{ panel: title, refId, legend, language, mode: modeOf(target, language), expr, isAnnotation, minStep, maxPoints } as const]
  })
}

const headingOf = ({ transformations = [] }: PanelJson, field: string): string =>
  transformations.map(({ options }) => options?.renameByName?.[field]).find(Boolean) ?? ''

function modeOf({ expr = '', instant, queryType }: TargetJson, language: PanelQuery['language']): PanelQuery['mode'] {
  if (language === 'promql') return instant ? 'instant' : 'range'
  if (queryType === 'instant') return 'instant'
  return expr.trimStart().startsWith('{') ? 'lines' : 'range'
}

const annotationsOf = ({ annotations }: Json): readonly PanelQuery[] =>
  (annotations?.list ?? [])
    .filter(({ expr }) => expr !== undefined)
    .map(({ name = '', expr = '', step = '1m', datasource }) => ({
      panel: name,
      refId: '',
      legend: '',
      language: datasource?.type === 'loki' ? 'logql' : 'promql',
      mode: 'range',
      expr,
      isAnnotation: true,
      minStep: secondsOf(step),
      maxPoints: MOST_POINTS,
    }))

function variableOf({ type, name, query, includeAll, allValue }: VariableJson): Variable {
  const text = typeof query === 'string' ? query : query?.query
  const isAsked = type === 'query'
  return {
    name,
    query: isAsked ? text : undefined,
    values: isAsked ? [] : (text ?? '').split(',').map((value) => value.trim().replace(/^.* : /, '')),
    all: includeAll ? (allValue ?? '') : undefined,
  }
}
