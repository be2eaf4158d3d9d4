import { describe, expect, it } from 'vitest'
import { eventOf, FIBRE, timesAre, winnerIs } from '../blocks/events.ts'
import { openPage } from './page.ts'

// What the exporter offers that operators run today, copied from its documentation by hand: name, type, labels, help, buckets.
const seconds = '.001 .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10'
const version110 = [
  ['fibre_blocks_reconstructed_total', 'counter', 'node', 'Total blocks reconstructed via FIBRE/UDP'],
  ['fibre_block_reconstruction_duration_seconds', 'histogram', 'node', 'Block reconstruction time', seconds],
  ['fibre_block_chunks_used', 'histogram', 'node', 'Number of chunks used per block', '1 2 5 10 20 50 100 200 500 1000 2000 5000'],
  ['fibre_chunks_received_total', 'counter', 'node', 'Total chunks received'],
  ['fibre_chunks_used_total', 'counter', 'node', 'Total chunks used'],
  ['fibre_blocks_sent_total', 'counter', 'node', 'Total blocks sent via FIBRE/UDP'],
  ['fibre_block_race_wins_total', 'counter', 'mechanism node', 'Block race wins by mechanism'],
  ['fibre_races_with_both_total', 'counter', 'node', 'Races where both mechanisms participated'],
  ['fibre_last_block_height', 'gauge', 'node', 'Height of most recently processed block'],
  ['fibre_exporter_up', 'gauge', '', 'Whether the FIBRE exporter is running (1 = up, 0 = down)'],
  ['fibre_exporter_start_time_seconds', 'gauge', '', 'Unix timestamp when the exporter started'],
  ['fibre_exporter_events_processed_total', 'counter', 'event_type', 'Total number of events processed by the exporter'],
  ['fibre_exporter_errors_total', 'counter', 'error_type', 'Total number of errors encountered by the exporter'],
  ['fibre_exporter_probes_attached', 'gauge', '', 'Number of USDT probes successfully attached'],
  ['fibre_exporter_info', 'gauge', 'bitcoind_path node_name version', 'Information about the FIBRE exporter'],
  // These two say something else than they did: the winner is the one that bitcoind names, and larger is not slower.
  [
    'fibre_block_race_latency_seconds',
    'histogram',
    'mechanism node',
    'First packet of that mechanism to block connected (larger = started earlier)',
    '.001 .005 .01 .025 .05 .1 .25 .5 1 2 5 10',
  ],
  [
    'fibre_race_margin_seconds',
    'histogram',
    'node winner',
    'Difference of first-packet times in races with both, by winner',
    '.001 .005 .01 .025 .05 .1 .5 1',
  ],
] as const
const version120 = [
  ['fibre_block_deliveries_total', 'counter', 'mechanism node'],
  ['bitcoin_blocks_connected_total', 'counter', 'node'],
  ['bitcoin_block_connection_duration_seconds', 'histogram', 'node', seconds],
  ['bitcoin_block_tx_count', 'histogram', 'node', '1 10 50 100 250 500 1000 2000 3000 5000 10000'],
] as const
const version130 = [
  ['fibre_block_missing_tx_count', 'histogram', 'node', '0 1 2 5 10 20 50 100 250 500 1000 2000 5000 10000'],
  ['fibre_block_missing_tx_bytes', 'histogram', 'node', '100 500 1e3 5e3 1e4 5e4 1e5 2.5e5 5e5 1e6 2e6 4e6'],
  ['fibre_block_mempool_tx_count', 'histogram', 'node', '0 1 10 50 100 250 500 1000 2000 3000 5000 10000'],
  ['fibre_block_all_tx_from_mempool_total', 'counter', 'node'],
] as const

const page = await openPage()
page.hit(eventOf('validation:block_connected', { height: 900_000 }), winnerIs('a', FIBRE), timesAre('a', 2, 1))
const scrape = await page.scrape()

/** A metric of our page, as the rows above have it. */
function found(name: string) {
  const about = (keyword: string) => new RegExp(`^# ${keyword} ${name} (.*)$`, 'm').exec(scrape.text)?.[1]
  const type = about('TYPE')
  const samples = scrape.samples.filter((sample) => sample.name === (type === 'histogram' ? `${name}_bucket` : name))
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== 'le'))
  const bounds = new Set(samples.map((sample) => sample.labels.le).filter((le) => le !== '+Inf'))
  return {
    type,
    help: about('HELP'),
    labels: [...labels].sort().join(' '),
    buckets: type === 'histogram' ? [...bounds].map(Number) : undefined,
  }
}

const numbers = (text: string | undefined) => text?.split(' ').map(Number)

describe('what version 1.1.0 of the older exporter offers is there', () => {
  it.each(version110)('%s', (name, type, labels, help, buckets?: string) => {
    expect(found(name)).toEqual({ type, help, labels, buckets: numbers(buckets) })
  })
})

describe('what its versions 1.2.0 and 1.3.0 added is there', () => {
  it.each([...version120, ...version130])('%s', (name, type, labels, buckets?: string) => {
    expect(found(name)).toMatchObject({ type, labels, buckets: numbers(buckets) })
  })

  it('but for a series for each block, for ever', () => {
    expect(found('fibre_block_reconstructed_event').type).toBeUndefined()
  })
})

it('events are counted by the names of 1.1.0, and of later versions where those know more', () => {
  const types = scrape.series('fibre_exporter_events_processed_total').map(({ labels }) => labels.event_type)
  expect(types).toEqual(expect.arrayContaining(['block_reconstructed', 'block_send_start', 'race_winner', 'race_time', 'unknown']))
  expect(types).toEqual(expect.arrayContaining(['block_connected', 'block_reconstruction_detail']))
})

it('mechanisms and errors have the names that they had', () => {
  expect(scrape.series('fibre_block_race_wins_total').map(({ labels }) => labels.mechanism)).toEqual(['fibre_udp', 'bip152_cmpct', 'other'])
  expect(scrape.series('fibre_exporter_errors_total').map(({ labels }) => labels.error_type)).toEqual(['event_processing'])
})
