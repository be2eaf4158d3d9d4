import { type FieldKind, logs, streamLabels } from '../../dashboards/log-fields.ts'
import { groupNames, matchesWhole, regex } from './regex.ts'
import type { Condition, LogQuery, Matcher } from './syntax.ts'

/** Labels of a line or a series by name. */
export type Labels = ReadonlyMap<string, FieldKind>

/** Takes what is wrong with a query. */
export type Fault = (text: string) => void

const errorLabel = '__error__'

/** The labels of the lines that a query lets through; what is wrong with its selector and stages is told on the way. */
export function labelsOfLines({ selector, stages }: LogQuery, fault: Fault): Labels {
  const labels = ofStreams(selector, fault)
  const extracted = new Set<string>()
  let unwrapped: string | undefined
  for (const stage of stages) {
    switch (stage.kind) {
      case 'line':
        if (stage.operator.endsWith('~')) compile(stage.value, fault)
        else if (stage.value === '') fault(`${stage.operator} "" is about no line or all`)
        break
      case 'filter':
        ofCondition(stage.condition, labels, fault)
        break
      case 'regexp':
        for (const name of namesIn(stage.pattern, fault)) {
          if (labels.has(name)) fault(`${name} is extracted, and there already`)
          labels.set(name, 'text')
          extracted.add(name)
        }
        break
      case 'json':
        fault('json makes new names of fields that are there already')
        break
      case 'line_format':
        for (const [, name = ''] of stage.template.matchAll(/\{\{\s*\.(\w+)/g)) known(name, labels, fault)
        break
      case 'unwrap':
        unwrapped = stage.field
        known(unwrapped, labels, fault)
        if (labels.get(unwrapped) === 'text' && !extracted.has(unwrapped)) fault(`${unwrapped} is no number`)
        labels.delete(unwrapped)
    }
  }
  if (unwrapped !== undefined && extracted.has(unwrapped) && !dropsErrors(stages))
    fault(`one ${unwrapped} that is no number ends the query: | ${errorLabel}="" is missing`)
  return labels
}

function ofStreams(selector: readonly Matcher[], fault: Fault): Map<string, FieldKind> {
  for (const { name } of selector)
    if (!(streamLabels as readonly string[]).includes(name)) fault(`${name} is no label of a stream: move it behind a bar`)
  for (const { operator, value } of selector) if (operator.endsWith('~')) compile(value, fault)
  const values = (job: string, service: string): Readonly<Record<string, string>> => ({ job, node: 'a node', service_name: service })
  const fits = (labels: Readonly<Record<string, string>>) => selector.every((matcher) => fitsText(matcher, labels[matcher.name] ?? ''))
  if (fits(values('another job', 'another service'))) fault('the selector matches everything')
  const found = Object.entries(logs).filter(([job, { service }]) => fits(nodeAsAsked(selector, values(job, service))))
  if (found.length === 0) fault('there is no such stream')
  const names = found.flatMap(([, { fields }]) => Object.entries<FieldKind>(fields))
  return new Map([...streamLabels.map((name) => [name, 'text'] as const), ...names])
}

function ofCondition(condition: Condition, labels: Labels, fault: Fault): void {
  switch (condition.kind) {
    case 'text':
      if (condition.matcher.operator.endsWith('~')) compile(condition.matcher.value, fault)
      if (condition.matcher.name !== errorLabel) known(condition.matcher.name, labels, fault)
      return
    case 'number':
      known(condition.name, labels, fault)
      if (labels.get(condition.name) === 'text') fault(`${condition.name} is no number`)
      return
    default:
      ofCondition(condition.left, labels, fault)
      ofCondition(condition.right, labels, fault)
  }
}

function known(name: string, labels: Labels, fault: Fault): void {
  if (!labels.has(name)) fault(`there is no field ${name}`)
}

function compile(pattern: string, fault: Fault): boolean {
  try {
    regex(pattern)
    return true
  } catch (error) {
    fault((error as Error).message)
    return false
  }
}

function namesIn(pattern: string, fault: Fault): readonly string[] {
  const names = compile(pattern, fault) ? groupNames(pattern) : []
  if (names.length === 0) fault('regexp names no group')
  return names
}

/** Nodes have any name: each matcher on it finds one, unless it wants none. */
const nodeAsAsked = (selector: readonly Matcher[], labels: Readonly<Record<string, string>>) => {
  const asked = selector.find(({ name, operator }) => name === 'node' && operator === '=')
  return asked?.value ? { ...labels, node: asked.value } : labels
}

/** As labels are compared; a pattern that does not compile fits all, for that is a fault already. */
function fitsText({ operator, value }: Matcher, text: string): boolean {
  switch (operator) {
    case '=':
      return text === value
    case '!=':
      return text !== value
    default:
      try {
        return matchesWhole(value, text) === (operator === '=~')
      } catch {
        return true
      }
  }
}

const dropsErrors = (stages: LogQuery['stages']): boolean =>
  stages.some(
    ({ kind, ...stage }) =>
      kind === 'filter' &&
      'condition' in stage &&
      stage.condition.kind === 'text' &&
      stage.condition.matcher.name === errorLabel &&
      stage.condition.matcher.value === '' &&
      stage.condition.matcher.operator === '=',
  )
