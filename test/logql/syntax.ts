import { parser } from '@grafana/lezer-logql'
import type { SyntaxNode } from '@lezer/common'

type TextOperator = '=' | '!=' | '=~' | '!~'
type NumberOperator = '==' | '=' | '!=' | '>' | '>=' | '<' | '<='

export interface Matcher {
  readonly name: string
  readonly operator: TextOperator
  readonly value: string
}

export type Condition =
  | { readonly kind: 'text'; readonly matcher: Matcher }
  | { readonly kind: 'number'; readonly name: string; readonly operator: NumberOperator; readonly value: number }
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }

export type Stage =
  | { readonly kind: 'line'; readonly operator: '|=' | '!=' | '|~' | '!~'; readonly value: string }
  | { readonly kind: 'filter'; readonly condition: Condition }
  | { readonly kind: 'regexp'; readonly pattern: string }
  | { readonly kind: 'json' }
  | { readonly kind: 'line_format'; readonly template: string }
  | { readonly kind: 'unwrap'; readonly field: string }

export interface LogQuery {
  readonly kind: 'log'
  readonly selector: readonly Matcher[]
  readonly stages: readonly Stage[]
}

export interface RangeAggregation {
  readonly kind: 'range'
  readonly operation: string
  readonly parameter: number | undefined
  readonly query: LogQuery
  readonly windowSeconds: number
  readonly by: readonly string[] | undefined
}

export interface VectorAggregation {
  readonly kind: 'vector'
  readonly operation: string
  readonly by: readonly string[]
  readonly of: Expression
}

export interface Binary {
  readonly kind: 'binary'
  readonly operator: string
  readonly left: Expression
  readonly right: Expression
}

export type Expression = LogQuery | RangeAggregation | VectorAggregation | Binary | { readonly kind: 'number'; readonly value: number }

/** Reads a query by Grafana's own grammar. Throws where it is none, and on what this project's queries do not use. */
export function parseLogql(text: string): Expression {
  const root = parser.parse(text).topNode
  root.cursor().iterate(({ type, from }) => {
    if (type.isError) throw new SyntaxError(`not LogQL at "${text.slice(from, from + 20)}"`)
  })
  return new Reader(text).expression(only(root))
}

class Reader {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  expression(node: SyntaxNode): Expression {
    switch (node.name) {
      case 'Expr':
      case 'MetricExpr':
        return this.expression(only(node))
      case 'LogExpr':
        return node.getChild('LogExpr') ? this.expression(need(node, 'LogExpr')) : this.#log(node)
      case 'RangeAggregationExpr':
        return this.#range(node)
      case 'VectorAggregationExpr':
        return this.#vector(node)
      case 'BinOpExpr':
        return this.#binary(node)
      case 'LiteralExpr':
        return { kind: 'number', value: Number(this.#of(node)) }
      default:
        throw this.#unknown(node)
    }
  }

  #log(node: SyntaxNode): LogQuery {
    const stages = [...all(node, 'PipelineStage', 'PipelineExpr'), ...all(node, 'UnwrapExpr')].flatMap((stage) => this.#stage(stage))
    return { kind: 'log', selector: all(need(node, 'Selector'), 'Matcher', 'Matchers').map((matcher) => this.#matcher(matcher)), stages }
  }

  #range(node: SyntaxNode): RangeAggregation {
    const range = need(node, 'LogRangeExpr')
    if (range.getChild('OffsetExpr')) throw this.#unknown(need(range, 'OffsetExpr'))
    const [parameter] = node.getChildren('Number')
    return {
      kind: 'range',
      operation: this.#of(need(node, 'RangeOp')),
      parameter: parameter && Number(this.#of(parameter)),
      query: this.#log(range),
      windowSeconds: secondsIn(this.#of(need(need(range, 'Range'), 'Duration'))),
      by: this.#by(node),
    }
  }

  #vector(node: SyntaxNode): VectorAggregation {
    const operation = this.#of(need(node, 'VectorOp'))
    if (!['sum', 'avg', 'min', 'max', 'count'].includes(operation)) throw this.#unknown(need(node, 'VectorOp'))
    return { kind: 'vector', operation, by: this.#by(node) ?? [], of: this.expression(need(node, 'MetricExpr')) }
  }

  #by(node: SyntaxNode): readonly string[] | undefined {
    const grouping = node.getChild('Grouping')
    if (grouping === null) return undefined
    if (grouping.getChild('Without')) throw this.#unknown(grouping)
    return all(grouping, 'Identifier', 'Labels').map((label) => this.#of(label))
  }

  #binary(node: SyntaxNode): Binary {
    const [left, operator, modifier, right] = children(node)
    if (!left || !operator || !modifier || !right) throw this.#unknown(node)
    if (modifier.from < modifier.to) throw this.#unknown(modifier)
    return { kind: 'binary', operator: this.#of(operator), left: this.expression(left), right: this.expression(right) }
  }

  #stage(node: SyntaxNode): readonly Stage[] {
    if (node.name === 'UnwrapExpr') return this.#unwrap(node)
    const [stage, ...others] = children(node).filter(({ name }) => name !== 'Pipe')
    if (stage === undefined || others.length > 0) throw this.#unknown(node)
    switch (stage.name) {
      case 'LineFilters':
        return all(stage, 'LineFilter', 'LineFilters').map((filter) => this.#lineFilter(filter))
      case 'LabelFilter':
        return [{ kind: 'filter', condition: this.#condition(stage) }]
      case 'LineFormatExpr':
        return [{ kind: 'line_format', template: this.#string(stage) }]
      case 'LabelParser':
        if (stage.getChild('Regexp')) return [{ kind: 'regexp', pattern: this.#string(stage) }]
        if (stage.getChild('Json')) return [{ kind: 'json' }]
        throw this.#unknown(stage)
      default:
        throw this.#unknown(stage)
    }
  }

  /** `| unwrap field`, and the filters behind it. */
  #unwrap(node: SyntaxNode): readonly Stage[] {
    const before = node.getChild('UnwrapExpr')
    if (before) return [...this.#unwrap(before), { kind: 'filter', condition: this.#condition(need(node, 'LabelFilter')) }]
    if (node.getChild('ConvOp')) throw this.#unknown(need(node, 'ConvOp'))
    return [{ kind: 'unwrap', field: this.#of(need(node, 'Identifier')) }]
  }

  #lineFilter(node: SyntaxNode): Stage {
    const operator = this.#of(need(node, 'Filter'))
    if (operator !== '|=' && operator !== '!=' && operator !== '|~' && operator !== '!~') throw this.#unknown(node)
    if (node.getChild('OrFilter') || node.getChild('FilterOp')) throw this.#unknown(node)
    return { kind: 'line', operator, value: this.#string(node) }
  }

  #condition(node: SyntaxNode): Condition {
    const [left, right] = node.getChildren('LabelFilter')
    if (left && right) return { kind: node.getChild('Or') ? 'or' : 'and', left: this.#condition(left), right: this.#condition(right) }
    if (left) return this.#condition(left)
    const number = node.getChild('NumberFilter')
    if (number === null) return { kind: 'text', matcher: this.#matcher(need(node, 'Matcher')) }
    const [name, operator, value] = children(number)
    if (!name || !operator || !value) throw this.#unknown(number)
    return { kind: 'number', name: this.#of(name), operator: this.#of(operator) as NumberOperator, value: Number(this.#of(value)) }
  }

  #matcher(node: SyntaxNode): Matcher {
    const [name, operator] = children(node)
    if (!name || !operator) throw this.#unknown(node)
    return { name: this.#of(name), operator: this.#of(operator) as TextOperator, value: this.#string(node) }
  }

  #string(node: SyntaxNode): string {
    const text = this.#of(need(node, 'String'))
    return text.startsWith('`') ? text.slice(1, -1) : (JSON.parse(text) as string)
  }

  #of({ from, to }: SyntaxNode): string {
    return this.#text.slice(from, to)
  }

  #unknown(node: SyntaxNode): Error {
    return new SyntaxError(`${node.name} is not known here: ${this.#of(node)}`)
  }
}

function children(node: SyntaxNode): readonly SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child)
  return found
}

/** Children of a kind in their order, also those that lie deeper in lists, which the grammar nests. */
const all = (node: SyntaxNode, name: string, list = ''): readonly SyntaxNode[] =>
  children(node).flatMap((child) => (child.name === name ? [child] : child.name === list ? all(child, name, list) : []))

function need(node: SyntaxNode, name: string): SyntaxNode {
  const child = node.getChild(name)
  if (child === null) throw new SyntaxError(`${node.name} has no ${name}`)
  return child
}

function only(node: SyntaxNode): SyntaxNode {
  const [child, ...others] = children(node)
  if (child === undefined || others.length > 0) throw new SyntaxError(`${node.name} is not one thing`)
  return child
}

const units = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

/** A duration such as `1h30m`, in seconds. */
export const secondsIn = (duration: string): number =>
  [...duration.matchAll(/([\d.]+)(ms|[smhdw])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units],
    0,
  )
