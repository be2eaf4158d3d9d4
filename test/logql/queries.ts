import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { interpolate, readDashboards, ruleFiles } from '../stack/dashboard-queries.ts'
import { secondsIn } from './syntax.ts'

const root = join(import.meta.dirname, '../..')

/** A query in LogQL that users get from this project. */
export interface ShippedQuery {
  readonly place: string
  readonly expr: string
  /** Labels that a legend or an alert's text names. */
  readonly named: readonly string[]
  /** Seconds between two evaluations, if it is a rule. */
  readonly everySeconds?: number
}

/** All of them: of dashboards, of rules and of documents. */
export const shippedQueries = (): readonly ShippedQuery[] => [...ofDashboards(), ...ofRules(), ...ofDocuments()]

/** With each window that can be chosen, and the shortest interval that Grafana may put. */
function* ofDashboards(): Generator<ShippedQuery> {
  for (const { title, targets, variables } of readDashboards())
    for (const { language, panel, legend, expr, minStep } of targets) {
      if (language !== 'logql') continue
      const windows = variables.find(({ name }) => name === 'window')?.values ?? []
      for (const window of expr.includes('$window') ? windows : [''])
        yield {
          place: `${title}: ${panel}${window && `, ${window}`}`,
          expr: interpolate(expr, { window, node: '.+', search: '', __interval: `${minStep}s` }),
          named: [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name),
        }
    }
}

interface Group {
  readonly interval: string
  readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: Readonly<Record<string, string>> }[]
}

function* ofRules(): Generator<ShippedQuery> {
  for (const file of ruleFiles('logql'))
    for (const { interval, rules } of (parse(readFileSync(file, 'utf8')) as { groups: readonly Group[] }).groups)
      for (const { alert, expr, annotations } of rules)
        yield {
          place: `rule ${alert}`,
          expr,
          named: [
            ...Object.values(annotations)
              .join('\n')
              .matchAll(/\$labels\.(\w+)/g),
          ].map(([, name = '']) => name),
          everySeconds: secondsIn(interval),
        }
}

function* ofDocuments(): Generator<ShippedQuery> {
  const files = globSync('**/*.md', { cwd: root, exclude: (name) => name === 'node_modules' || name.startsWith('.') })
  for (const file of files.sort())
    for (const expr of queriesInMarkdown(readFileSync(join(root, file), 'utf8'))) {
      // The panels' own are above, with each value of their variables.
      if (!expr.includes('$')) yield { place: file, expr, named: [] }
    }
}

/** A selector of streams; a series in PromQL has its name before the brace. */
const selector = /(?:^|[(\s])\{\s*\w+\s*(?:=~|!~|!=|=)\s*"/

/** Code that is LogQL: lines of blocks, but those in VictoriaLogs' language, and spans in the text. What Promtail wanted is no query of ours. */
export function queriesInMarkdown(text: string): readonly string[] {
  const blocks = /^```(.*)\n([\s\S]*?)^```/gm
  const lines = [...text.matchAll(blocks)].flatMap(([, language, content = '']) =>
    language === 'logsql' ? [] : content.split('\n').filter((line) => !line.startsWith('#')),
  )
  const spans = withoutPromtail(text.replaceAll(blocks, '')).matchAll(/`([^`\n]+)`/g)
  return [...lines, ...[...spans].map(([, span = '']) => span.replaceAll('\\|', '|'))].filter((code) => selector.test(code))
}

/** Tables without the columns that are headed Promtail. */
function withoutPromtail(text: string): string {
  let left: readonly number[] = []
  return text
    .split('\n')
    .map((line, index, lines) => {
      if (!line.startsWith('|')) return line
      const cells = line.split(/(?<!\\)\|/)
      if (!lines[index - 1]?.startsWith('|')) left = cells.flatMap((cell, column) => (cell.includes('Promtail') ? [column] : []))
      return cells.filter((_, column) => !left.includes(column)).join('|')
    })
    .join('\n')
}
