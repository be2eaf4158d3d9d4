import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type CollectorConfiguration, differencesOf } from '../../logql/configuration.ts'
import { faultsOf, retentionIn } from '../../logql/lint.ts'
import { queriesInMarkdown, shippedQueries } from '../../logql/queries.ts'

const read = (name: string) => parse(readFileSync(join(import.meta.dirname, '../../../collector', name), 'utf8'))
const loki = read('loki.yaml')
const options = { retentionSeconds: retentionIn(loki) }

describe('a shipped query', () => {
  it.each(shippedQueries().map((query, index) => [query.place, index, query] as const))(
    'has no fault: %s (%i)',
    (_place, _index, query) => {
      expect(faultsOf(query, options)).toEqual([])
    },
  )

  it('is found wherever there is one', () => {
    const places = shippedQueries().map(({ place }) => place)
    for (const place of ['FIBRE logs: FIBRE trouble', 'rule FibreNoLogs', 'collector/README.md', 'dashboards/runbooks.md'])
      expect(places.some((one) => one.startsWith(place))).toBe(true)
    const windows = places.filter((place) => place.startsWith('FIBRE logs: FIBRE trouble, $window, '))
    expect(windows.map((place) => place.replace(/.*, /, ''))).toEqual(['1h', '6h', '24h', '7d'])
  })

  it('is told from PromQL, and from what Promtail wanted', () => {
    const text = [
      'Ask `{job="a"} |= "b"` or `up{job="a"}`, `{{ $labels.node }}`, `{a, b}`.',
      '| with Promtail | now |',
      '|---|---|',
      '| `{job="a", b="c"}` | `{job="a"} \\| b="c"` |',
      '```logql',
      '# a comment {job="c"}',
      'count_over_time({job="d"} [1h])',
      '```',
    ].join('\n')
    expect(queriesInMarkdown(text)).toEqual(['count_over_time({job="d"} [1h])', '{job="a"} |= "b"', '{job="a"} | b="c"'])
  })
})

describe('a query with a fault is told', () => {
  it.each([
    ['{job="bitcoin"', 'not LogQL'],
    ['{job="bitcoin"} | logfmt', 'is not known here'],
    ['{job="bitcoin"} |~ "a(?=b)"', 'error parsing regexp'],
    ['{job=~"bit("}', 'error parsing regexp'],
    ['{job="bitcoin"} | level=~"+"', 'error parsing regexp'],
    ['{job="bitcoin"} | regexp "(?P<x>a{2000})"', 'error parsing regexp'],
    ['{job="bitcoin"} | regexp "RTT to (\\\\S+)"', 'regexp names no group'],
    ['{job="bitcoin"} | regexp "(?P<level>x)"', 'level is extracted, and there already'],
    ['{job=~".+"}', 'the selector matches everything'],
    ['{node=~"paris|.*"}', 'the selector matches everything'],
    ['{job!="x"}', 'the selector matches everything'],
    ['{job="bitcoins"}', 'there is no such stream'],
    ['{job="bitcoin", service_name="fibre-agent"}', 'there is no such stream'],
    ['{job="bitcoin", winner="FIBRE/UDP"}', 'winner is no label of a stream'],
    ['{job="bitcoin"} | winer != ""', 'there is no field winer'],
    ['{job="fibre-blocks"} | udp_ms > 1 and (height > 5 or hight > 6)', 'there is no field hight'],
    ['{job="fibre-agent"} | winner != ""', 'there is no field winner'],
    ['{job="bitcoin"} | line_format "{{.heigth}}"', 'there is no field heigth'],
    ['{job="bitcoin"} | winner > 5', 'winner is no number'],
    ['{job="bitcoin"} |= ""', 'is about no line or all'],
    ['{job="fibre-blocks"} | json', 'json makes new names'],
    ['avg_over_time({job="bitcoin"} [1h])', 'avg_over_time needs values, from unwrap'],
    ['sum by (node) (sum_over_time({job="bitcoin"} | udp_ms > 1 [1h]))', 'sum_over_time needs values, from unwrap'],
    ['count_over_time({job="bitcoin"} | unwrap udp_ms [1h])', 'unwrap has no use'],
    ['avg_over_time({job="bitcoin"} | unwrap winner [1h])', 'winner is no number'],
    ['avg_over_time({job="bitcoin"} | unwrap rtt [1h])', 'there is no field rtt'],
    ['max_over_time({job="bitcoin"} | regexp "is (?P<rtt>[0-9.]+) ms" | unwrap rtt [1h])', '__error__="" is missing'],
    ['quantile_over_time(50, {job="bitcoin"} | unwrap udp_ms [1h])', 'does not take 50'],
    ['quantile_over_time({job="bitcoin"} | unwrap udp_ms [1h])', 'does not take no number'],
    ['count_over_time({job="bitcoin"} [1h]) by (node)', 'takes no "by" of its own'],
    ['topk(3, count_over_time({job="bitcoin"} [1h]))', 'is not known here'],
    ['sum({job="bitcoin"})', 'not LogQL'],
    ['{job="bitcoin"} | unwrap udp_ms', 'not LogQL'],
    ['0 < count_over_time({job="bitcoin"} [1h])', '< has its number in front'],
    ['count_over_time({job="bitcoin"} [60d])', 'is longer than lines are kept'],
    ['count_over_time({job="bitcoin"} [0s])', 'a window holds no time'],
    ['sum by (pool) (count_over_time({job="bitcoin"} [1h]))', 'there is no pool to group by'],
    ['sum by (winner) (sum by (node) (count_over_time({job="bitcoin"} [1h])))', 'there is no winner to group by'],
    [
      'sum by (node) (count_over_time({job="bitcoin"} [2h])) unless sum by (node) (count_over_time({job="bitcoin"} [1d]))',
      'unless looks back further',
    ],
    [
      'sum by (node) (count_over_time({job="bitcoin"} [2h])) unless sum by (job) (count_over_time({job="bitcoin"} [1h]))',
      'the sides of unless have other labels',
    ],
  ])('%s: %s', (expr, fault) => {
    expect(faultsOf({ expr }, options).join('\n')).toContain(fault)
  })

  it('a rule that passes over lines between two evaluations', () => {
    expect(faultsOf({ expr: 'count_over_time({job="bitcoin"} [1m]) > 0', everySeconds: 300 }, options)).toEqual([
      'a window of 60 s passes over lines between two evaluations',
    ])
  })

  it('a label that is named to the reader, but not there', () => {
    expect(faultsOf({ expr: 'sum by (node) (count_over_time({job="bitcoin"} [1h]))', named: ['node', 'msg'] }, options)).toEqual([
      'msg is named to the reader, but is no label of the result',
    ])
  })
})

describe('the list of fields', () => {
  const changed = (change: (text: string) => string) =>
    parse(change(readFileSync(join(import.meta.dirname, '../../../collector/config.yaml'), 'utf8'))) as CollectorConfiguration

  it('is what the Collector yields', () => {
    expect(differencesOf(read('config.yaml'), loki)).toEqual([])
  })

  it.each([
    ['(?P<winner>', '(?P<champion>', 'the fields of bitcoin: champion (text) is yielded, but not listed'],
    ['EXPR(float(attributes.udp_ms))', 'EXPR(attributes.udp_ms)', 'the fields of bitcoin: udp_ms (number) is listed, but not yielded'],
    ['      - { type: remove, field: attributes.rest }\n', '', 'the fields of bitcoin: rest (text) is yielded, but not listed'],
    ['"job"], "bitcoin")', '"job"], "bitcoind")', 'file_log/bitcoind yields a job that is not listed: bitcoind'],
    ['"service.name"], "bitcoind")', '"service.name"], "core")', 'bitcoin comes from core, not bitcoind'],
    ['include_file_name: false', 'include_file_name: true', 'the fields of fibre-blocks: log_file_name (text) is yielded, but not listed'],
  ])('is not when %s becomes %s', (before, after, difference) => {
    expect(
      differencesOf(
        changed((text) => text.replace(before, after)),
        loki,
      ),
    ).toContain(difference)
  })

  it('is not when VictoriaLogs indexes by something else', () => {
    const indexing = (fields: string) => ({ ...read('config.yaml'), exporters: { logs: { headers: { 'VL-Stream-Fields': fields } } } })
    expect(differencesOf(indexing('node,job,service.name'), loki)).toEqual([])
    expect(differencesOf(indexing('job,node'), loki)).toEqual(["VictoriaLogs' stream fields: service_name is listed, but not yielded"])
  })

  it('is not when Loki indexes by something else', () => {
    const other = structuredClone(loki)
    other.limits_config.otlp_config.resource_attributes.attributes_config[0].attributes.push('host.name')
    expect(differencesOf(read('config.yaml'), other)).toEqual(['the labels of streams: host_name is yielded, but not listed'])
  })
})
