import { expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import type { Path } from '../../../agent/blocks/record-fields.ts'
import { fits } from '../../../agent/commands/blocks/filter.ts'

const cameBy = (path: Path): BlockRecord => ({
  schema: 1,
  time: '2026-11-22T00:00:00.000000Z',
  node: 'n',
  block_hash: 'ab'.repeat(32),
  path,
})

it('what bitcoind calls bip152_cmpct takes in what messages tell more of', () => {
  const paths = ['fibre_udp', 'bip152_cmpct', 'compact_block', 'compact_block_round_trip', 'full_block'] as const
  expect(paths.filter((path) => fits(cameBy(path), { paths: ['bip152_cmpct'] }))).toEqual(paths.slice(1, 4))
  expect(paths.filter((path) => fits(cameBy(path), { paths: ['compact_block'] }))).toEqual(['compact_block'])
})
