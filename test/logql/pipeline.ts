import { groupNames, matchesAnywhere, matchesWhole, regex } from './regex.ts'
import type { Condition, LogQuery, Matcher, Stage } from './syntax.ts'

type Labels = Readonly<Record<string, string>>

/** A line as a log store has it. */
export interface Line {
  /** Unix time. */
  readonly seconds: number
  readonly text: string
  /** Labels of its index. */
  readonly stream: Labels
  /** Structured metadata, and what stages add. */
  readonly fields: Labels
}

interface Value {
  readonly seconds: number
  readonly labels: Labels
  readonly value: number
}

const errorLabel = '__error__'

/** Passes a line through all stages; `undefined` if one drops it. */
export function through({ selector, stages }: LogQuery, line: Line): Line | undefined {
  if (!selector.every((matcher) => holds(matcher, line.stream[matcher.name]))) return undefined
  return stages.reduce<Line | undefined>((left, stage) => left && next(stage, left), line)
}

/** The values that a function over a range works on: 1 for each line, or what is unwrapped. */
export function samplesOf(query: LogQuery, lines: readonly Line[]): readonly Value[] {
  const unwrap = query.stages.find((stage) => stage.kind === 'unwrap')
  return lines.flatMap((line) => {
    const left = through(query, line)
    if (left === undefined) return []
    const { [unwrap?.field ?? '']: text, ...labels } = { ...left.stream, ...left.fields }
    if (labels[errorLabel]) throw new Error(`${labels[errorLabel]}: ${left.text}`)
    if (unwrap === undefined) return [{ seconds: left.seconds, labels, value: 1 }]
    return text === undefined ? [] : [{ seconds: left.seconds, labels, value: Number(text) }]
  })
}

function next(stage: Stage, line: Line): Line | undefined {
  switch (stage.kind) {
    case 'line':
      return contains(stage, line.text) ? line : undefined
    case 'filter':
      return filtered(stage.condition, line)
    case 'regexp':
      return withFields(line, namedGroups(stage.pattern, line.text))
    case 'json':
      return withFields(line, jsonFields(line.text))
    case 'line_format':
      return { ...line, text: stage.template.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => fieldOf(line, name)) }
    case 'unwrap':
      return isNumber(fieldOf(line, stage.field)) || fieldOf(line, stage.field) === '' ? line : withError(line, 'SampleExtractionErr')
  }
}

function contains({ operator, value }: Extract<Stage, { kind: 'line' }>, text: string): boolean {
  const found = operator.endsWith('~') ? matchesAnywhere(value, text) : text.includes(value)
  return found === operator.startsWith('|')
}

/** A number that is none passes, marked as an error. */
function filtered(condition: Condition, line: Line): Line | undefined {
  const errors: string[] = []
  const passes = (one: Condition): boolean => {
    switch (one.kind) {
      case 'text':
        return holds(one.matcher, fieldOf(line, one.matcher.name))
      case 'and':
        return passes(one.left) && passes(one.right)
      case 'or':
        return passes(one.left) || passes(one.right)
      case 'number': {
        const text = fieldOf(line, one.name)
        if (text !== '' && !isNumber(text)) errors.push('LabelFilterErr')
        return text !== '' && (!isNumber(text) || compares(one.operator, Number(text), one.value))
      }
    }
  }
  if (!passes(condition)) return undefined
  return errors[0] ? withError(line, errors[0]) : line
}

/** Whether a number is on the right side of a limit. */
export function compares(operator: string, value: number, limit: number): boolean {
  switch (operator) {
    case '>':
      return value > limit
    case '>=':
      return value >= limit
    case '<':
      return value < limit
    case '<=':
      return value <= limit
    case '=':
    case '==':
      return value === limit
    case '!=':
      return value !== limit
    default:
      throw new Error(`${operator} compares nothing`)
  }
}

/** A label that is not there is empty. */
function holds({ operator, value }: Matcher, text = ''): boolean {
  if (operator.endsWith('~')) return matchesWhole(value, text) === (operator === '=~')
  return (text === value) === (operator === '=')
}

function namedGroups(pattern: string, text: string): Labels {
  const matcher = regex(pattern).matcher(text)
  if (!matcher.find()) return {}
  return Object.fromEntries(groupNames(pattern).map((name) => [name, matcher.group(name) ?? '']))
}

/** Fields of a line of JSON, those of nested objects with the path to them; lists are left out. */
function jsonFields(text: string): Labels {
  try {
    return flattened(JSON.parse(text))
  } catch {
    return { [errorLabel]: 'JSONParserErr' }
  }
}

function flattened(value: unknown, path = ''): Labels {
  if (Array.isArray(value)) return {}
  if (typeof value !== 'object' || value === null) return { [path]: `${value ?? ''}` }
  const entries = Object.entries(value).map(([name, inner]) => flattened(inner, `${path && `${path}_`}${name.replace(/\W/g, '_')}`))
  return Object.assign({}, ...entries)
}

/** Adds extracted fields; one with the name of a stream's label gets a different name. */
const withFields = (line: Line, added: Labels): Line => ({
  ...line,
  fields: {
    ...line.fields,
    ...Object.fromEntries(Object.entries(added).map(([name, value]) => [name in line.stream ? `${name}_extracted` : name, value])),
  },
})

const withError = (line: Line, error: string): Line => ({ ...line, fields: { ...line.fields, [errorLabel]: error } })
const fieldOf = ({ stream, fields }: Line, name: string): string => fields[name] ?? stream[name] ?? ''
const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text))
