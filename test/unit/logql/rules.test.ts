import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { lokiAlerts } from '../../../dashboards/loki-rules.ts'
import { evaluate } from '../../logql/evaluate.ts'
import type { Line } from '../../logql/pipeline.ts'
import { parseLogql, secondsIn } from '../../logql/syntax.ts'

interface Written {
  readonly job: string
  readonly node: string
  readonly ago?: string
  readonly times?: number
  readonly text: string
  readonly fields?: Readonly<Record<string, string | number>>
}

interface Case {
  readonly name: string
  readonly lines: readonly Written[]
  readonly firing: readonly string[]
  readonly texts?: readonly string[]
}

const NOW = 1_795_654_800
const cases = parse(readFileSync(join(import.meta.dirname, '../../fixtures/logql/rules.yaml'), 'utf8')) as readonly Case[]

const linesOf = ({ job, node, ago = '0s', times = 1, text, fields = {} }: Written): readonly Line[] =>
  Array.from({ length: times }, () => ({
    seconds: NOW - secondsIn(ago),
    text,
    stream: { job, node },
    fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, `${value}`])),
  }))

it.each(cases)('fires: $name', ({ lines, firing, texts = [] }) => {
  const written = lines.flatMap(linesOf)
  const alerts = lokiAlerts.flatMap(({ alert, expr, description, summary }) =>
    (evaluate(parseLogql(expr), written, [NOW])[0] ?? []).map(({ labels, value }) => ({
      name: `${alert} ${labels.node}`,
      texts: [summary, description].map((text) =>
        text.replaceAll(/\{\{ \$(?:labels\.(\w+)|value) \}\}/g, (_, label?: string) =>
          label ? (labels[label] ?? 'no value') : `${value}`,
        ),
      ),
    })),
  )
  expect(alerts.map(({ name }) => name).sort()).toEqual(firing)
  const said = alerts.flatMap((alert) => alert.texts)
  expect(said).toEqual(expect.arrayContaining([...texts]))
  for (const text of said) expect(text).not.toMatch(/no value|NaN|\{\{/)
})

it('has a case for every alert', () => {
  const fired = new Set(cases.flatMap(({ firing }) => firing.map((one) => one.split(' ')[0])))
  expect([...fired].sort()).toEqual(lokiAlerts.map(({ alert }) => alert).sort())
})
