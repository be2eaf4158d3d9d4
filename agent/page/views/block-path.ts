import type { Path } from '../../blocks/record-fields.ts'

/** Names of the paths by which blocks come. */
export const pathNames: Readonly<Record<Path, string>> = {
  fibre_udp: 'FIBRE',
  bip152_cmpct: 'compact block',
  other: 'other',
  no_race: 'no race',
  unknown: 'unknown',
  compact_block: 'compact block',
  compact_block_round_trip: 'compact block, round trip',
  full_block: 'full block',
  mined_here: 'mined here',
  caught_up: 'caught up',
}

/** Classes of the style that give their colours. */
export const pathClasses: Readonly<Record<Path, string>> = {
  fibre_udp: 'fibre',
  bip152_cmpct: 'compact',
  other: 'other',
  no_race: 'plain',
  unknown: 'unknown',
  compact_block: 'compact',
  compact_block_round_trip: 'compact',
  full_block: 'other',
  mined_here: 'plain',
  caught_up: 'plain',
}
