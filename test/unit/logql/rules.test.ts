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
const fixture = (name: string) => parse(readFileSync(join(import.meta.dirname, '../../fixtures', name), 'utf8'))
const cases = fixture('logql/rules.yaml') as readonly Case[]
/** Lines as bitcoind writes them, with the fields that the Collector finds: test/stack/parsing.test.ts. */
const versions = fixture('logs/versions.yaml') as readonly { readonly line: string; readonly fields: NonNullable<Written['fields']> }[]

const linesOf = ({ job, node, ago = '0s', times = 1, text, fields = {} }: Written): readonly Line[] =>
  Array.from({ length: times }, () => ({
    seconds: NOW - secondsIn(ago),
    text,
    stream: { job, node },
    fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, `${value}`])),
  }))

it.each(cases)('fires: $name', ({ lines, firing, texts = [] }) => {
  const alerts = alertsFor(lines)
  expect(alerts.map(({ name }) => name).sort()).toEqual(firing)
  const said = alerts.flatMap((alert) => alert.texts)
  expect(said).toEqual(expect.arrayContaining([...texts]))
  for (const text of said) expect(text).not.toMatch(/no value|NaN|\{\{/)
})

it('fires for the lines that bitcoind itself writes', () => {
  const alerts = alertsFor(versions.map(({ line: text, fields }) => ({ job: 'bitcoin', node: 'paris', text, fields })))
  expect(alerts.map(({ name }) => name)).toEqual(['FibreLogSuppressed paris', 'FibreLogDropped paris', 'FibreNodeFault paris'])
  expect(alerts.flatMap(({ texts }) => texts)).toEqual(
    expect.arrayContaining([
      'bitcoind of paris writes so much that it no longer logs what some places in its source write (1), for an hour.',
      'bitcoind of paris dropped 7340032 bytes of its log: what it wrote there in the last hours is not whole.',
      'bitcoind of paris logged 3 errors in 15m.',
    ]),
  )
})

it('has a case for every alert', () => {
  const fired = new Set(cases.flatMap(({ firing }) => firing.map((one) => one.split(' ')[0])))
  expect([...fired].sort()).toEqual(lokiAlerts.map(({ alert }) => alert).sort())
})

/** The alerts that these lines make, with their texts. */
function alertsFor(written: readonly Written[]) {
  const lines = written.flatMap(linesOf)
  return lokiAlerts.flatMap(({ alert, expr, description, summary }) =>
    (evaluate(parseLogql(expr), lines, [NOW])[0] ?? []).map(({ labels, value }) => ({
      name: `${alert} ${labels.node}`,
      texts: [summary, description].map((text) =>
        text.replaceAll(/\{\{ \$(?:labels\.(\w+)|value) \}\}/g, (_, label?: string) =>
          label ? (labels[label] ?? 'no value') : `${value}`,
        ),
      ),
    })),
  )
}
