import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { declaredSeries, metric, select } from '../../../dashboards/names.ts'
import { Scrape } from '../../harness/scrape.ts'

it('selects a series by name, by what is always asked for and by labels', () => {
  expect(select('fibre_blocks_sent_total')).toBe('fibre_blocks_sent_total')
  expect(select('fibre_races_total', { coverage: 'both' }, 'node=~"$node"')).toBe('fibre_races_total{node=~"$node", coverage="both"}')
  expect(select('fibre_blocks_sent_total', { node: 'a"b\\c' })).toBe(String.raw`fibre_blocks_sent_total{node="a\"b\\c"}`)
})

// Each of these lines has to be an error for the compiler, or the compiler complains of the line.
it('takes no name, label or closed label value that the agent does not declare', () => {
  // @ts-expect-error
  metric('fibre_block_race_victories_total')
  // @ts-expect-error a histogram has no series of its own name
  metric('fibre_block_reconstruction_duration_seconds')
  // @ts-expect-error
  select('fibre_blocks_sent_total', { mechanism: 'fibre_udp' })
  // @ts-expect-error
  select('fibre_exporter_up', { node: 'a' })
  // @ts-expect-error
  select('fibre_block_race_wins_total', { mechanism: 'udp' })
  // @ts-expect-error
  select('fibre_block_reconstruction_duration_seconds_bucket', { le: '0.2' })
  // @ts-expect-error spelled 1.0 where it is scraped
  select('fibre_block_reconstruction_duration_seconds_bucket', { le: '1' })
  // @ts-expect-error
  select('fibre_block_reconstruction_duration_seconds_sum', { le: '0.1' })
})

it('knows the series of a scrape with their labels, all of them and no more', () => {
  const { samples } = new Scrape(readFileSync(join(import.meta.dirname, '../../fixtures/scrape.txt'), 'utf8'))
  const scraped = samples.map(({ name }) => name).filter((name) => name !== 'target_info')
  const ofPrometheus = ['up', 'scrape_duration_seconds', 'ALERTS']
  expect([...declaredSeries.keys()].sort()).toEqual([...new Set([...scraped, ...ofPrometheus])].sort())
  for (const { name, labels } of samples)
    if (name !== 'target_info') expect([...(declaredSeries.get(name) ?? [])], name).toEqual(expect.arrayContaining(Object.keys(labels)))
})
