import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { evaluate, linesOf } from '../../logql/evaluate.ts'
import type { Line } from '../../logql/pipeline.ts'
import { parseLogql } from '../../logql/syntax.ts'
import { parseEntry } from '../../stack/debug-log.ts'

const line = (seconds: number, text: string, fields: Readonly<Record<string, string>> = {}, node = 'paris'): Line => ({
  seconds,
  text,
  stream: { job: 'bitcoin', node },
  fields,
})
const written: readonly Line[] = [
  line(100, 'UDP: RTT to a:1 is 10 ms', { level: 'info' }),
  line(130, 'UDP: RTT to b:2 is 40 ms', { level: 'info' }),
  line(160, 'UDP: RTT to a:1 is 1.2.3 ms', { level: 'warning' }),
  line(160, '{"udp_ms": 4, "node": "inner", "peer": {"a b": "x"}, "list": [1]}', { udp_ms: '4' }, 'tokyo'),
  line(190, 'no JSON', { udp_ms: 'many' }, 'tokyo'),
]

describe('lines', () => {
  const found = (query: string) => {
    const expression = parseLogql(query)
    if (expression.kind !== 'log') throw new Error(`${query} is not about lines`)
    return linesOf(expression, written)
  }

  it.each([
    ['{job="bitcoin", node="paris"}', [100, 130, 160]],
    ['{node!="paris"}', [160, 190]],
    ['{node=~"par"}', []], // labels are compared as a whole
    ['{node=~"par.*"}', [100, 130, 160]],
    ['{node!~"par.*|x"}', [160, 190]],
    ['{job="bitcoin"} |= "to a"', [100, 160]],
    ['{node="paris"} != "to a"', [130]],
    ['{job="bitcoin"} |~ "(?i)udp.*[0-9]{2} ms"', [100, 130]], // lines anywhere
    ['{node="paris"} !~ "a|4"', []],
    ['{job="bitcoin"} | level="info"', [100, 130]],
    ['{job="bitcoin"} | level!="info"', [160, 160, 190]], // what is not there is not info
    ['{job="bitcoin"} | level=""', [160, 190]],
    ['{job="bitcoin"} | level=~"warn|error"', []],
    ['{job="bitcoin"} | udp_ms > 3.5', [160, 190]], // not a number: passes, marked
    ['{job="bitcoin"} | udp_ms > 3.5 | __error__=""', [160]],
    ['{job="bitcoin"} | udp_ms >= 5 | __error__=""', []],
    ['{job="bitcoin"} | level="warning" or udp_ms=4 and node="tokyo" | __error__=""', [160, 160]],
    ['{job="bitcoin"} | regexp "is (?P<rtt>[0-9.]+) ms" | rtt="40"', [130]],
    ['{job="bitcoin"} | json | peer_a_b="x"', [160]],
    ['{job="bitcoin"} | json | node_extracted="inner" | node="tokyo"', [160]],
    ['{node="tokyo"} | json | __error__="JSONParserErr"', [190]],
  ])('%s', (query, seconds) => {
    expect(found(query).map((one) => one.seconds)).toEqual(seconds)
  })

  it('are written anew', () => {
    expect(found('{node="paris"} | level="warning" | line_format "{{.node}}: {{ .level }}{{.none}}"').map(({ text }) => text)).toEqual([
      'paris: warning',
    ])
  })
})

describe('numbers', () => {
  const rtt = '{node="paris"} | regexp "RTT to (?P<peer>\\\\S+) is (?P<rtt>[0-9.]+) ms" | unwrap rtt | __error__=""'
  const paris = { job: 'bitcoin', node: 'paris' }

  it.each([
    // A window holds its end and not its begin.
    ['sum by (node) (count_over_time({node="paris"} [60s]))', [{ labels: { node: 'paris' }, value: 2 }]],
    [
      'count_over_time({node="paris"} [60s])',
      [
        { labels: { ...paris, level: 'info' }, value: 1 },
        { labels: { ...paris, level: 'warning' }, value: 1 },
      ],
    ],
    ['sum(count_over_time({job="bitcoin"} [61s]))', [{ labels: {}, value: 4 }]],
    [
      'sum by (level) (count_over_time({job="bitcoin"} [61s]))',
      [
        { labels: { level: 'info' }, value: 2 },
        { labels: { level: 'warning' }, value: 1 },
        { labels: {}, value: 1 },
      ],
    ],
    [`avg_over_time(${rtt} [5m]) by (node)`, [{ labels: { node: 'paris' }, value: 25 }]],
    [`quantile_over_time(0.25, ${rtt} [5m]) by (node)`, [{ labels: { node: 'paris' }, value: 17.5 }]],
    [
      `max_over_time(${rtt} [5m]) by (peer)`,
      [
        { labels: { peer: 'a:1' }, value: 10 },
        { labels: { peer: 'b:2' }, value: 40 },
      ],
    ],
    [`sum by (node) (sum_over_time(${rtt} [5m]))`, [{ labels: { node: 'paris' }, value: 50 }]],
    ['sum(rate({node="paris"} [60s]))', [{ labels: {}, value: 2 / 60 }]],
    ['max(count_over_time({job="bitcoin"} [61s])) > 2', []],
    ['sum(count_over_time({job="bitcoin"} [61s])) >= 4 <= 4', [{ labels: {}, value: 4 }]],
    ['absent_over_time({job="bitcoin", node=~".+"} |= "nothing" [5m])', [{ labels: { job: 'bitcoin' }, value: 1 }]],
    ['absent_over_time({job="bitcoin"} [5m])', []],
    [
      'sum by (node) (count_over_time({job="bitcoin"} [5m])) unless sum by (node) (count_over_time({job="bitcoin"} |= "RTT" [5m]))',
      [{ labels: { node: 'tokyo' }, value: 1 }],
    ],
    [
      'sum by (node) (count_over_time({job="bitcoin"} [5m])) and sum by (node) (count_over_time({job="bitcoin"} |= "RTT" [5m]))',
      [{ labels: { node: 'paris' }, value: 3 }],
    ],
    // A line without the field has no value.
    [
      'sum_over_time({job="bitcoin"} | udp_ms="4" or node="paris" | unwrap udp_ms [5m])',
      [{ labels: { job: 'bitcoin', node: 'tokyo' }, value: 4 }],
    ],
  ])('%s', (query, vector) => {
    expect(evaluate(parseLogql(query), written, [160])).toEqual([vector])
  })

  it('are none where one cannot be read: the query ends', () => {
    expect(() => evaluate(parseLogql('avg_over_time({job="bitcoin"} | unwrap udp_ms [5m])'), written, [200])).toThrow(
      'SampleExtractionErr: no JSON',
    )
  })

  it('change from one time to the next', () => {
    const counts = evaluate(parseLogql('sum(count_over_time({job="bitcoin"} [1m]))'), written, [90, 100, 159, 160, 250])
    expect(counts.map((vector) => vector[0]?.value)).toEqual([undefined, 1, 2, 3, undefined])
  })
})

it('finds the races of a recorded debug.log, with winner, hash and height', () => {
  const recorded = readFileSync(join(import.meta.dirname, '../../fixtures/logs/default.log'), 'utf8')
    .split('\n')
    .filter(Boolean)
  const lines = recorded.map((text) => {
    const { fields, timeNs = 0n } = parseEntry(text, { timestamps: true, threadNames: false, sourceLocations: false })
    return line(Number(timeNs) / 1e9, text, Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, `${value}`])))
  })
  const query = parseLogql('{job="bitcoin"} | winner != ""')
  const races = query.kind === 'log' ? linesOf(query, lines) : []
  const expected = recorded.flatMap((text) => {
    const [, block_hash, height, winner] = /UDP: block=(\w+) height=(\d+) winner=(\S+) /.exec(text) ?? []
    return winner ? [{ text, winner, block_hash, height }] : []
  })
  expect(expected.length).toBeGreaterThan(3)
  expect(races.map(({ text, fields: { winner, block_hash, height } }) => ({ text, winner, block_hash, height }))).toEqual(expected)
  const one = parseLogql(`{job="bitcoin"} | block_hash = "${expected[0]?.block_hash}" | winner != ""`)
  expect(one.kind === 'log' && linesOf(one, lines).map(({ text }) => text)).toEqual([expected[0]?.text])
})
