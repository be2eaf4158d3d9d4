import type { Path } from './record-fields.ts'

/** Colours of paths: classes of the page's style sheet, for which dashboards have Grafana's names. */
export type PathColour = 'fibre' | 'compact' | 'compact light' | 'compact dark' | 'other' | 'plain' | 'unknown'

/** Names and colours of the paths by which blocks come, on the page and in dashboards. */
export const pathStyles: Readonly<Record<Path, { readonly name: string; readonly colour: PathColour }>> = {
  fibre_udp: { name: 'FIBRE', colour: 'fibre' },
  bip152_cmpct: { name: 'compact block', colour: 'compact' },
  other: { name: 'other', colour: 'other' },
  no_race: { name: 'no race', colour: 'plain' },
  unknown: { name: 'unknown', colour: 'unknown' },
  compact_block: { name: 'compact block, no round trip', colour: 'compact light' },
  compact_block_round_trip: { name: 'compact block, round trip', colour: 'compact dark' },
  full_block: { name: 'full block', colour: 'other' },
  mined_here: { name: 'mined here', colour: 'plain' },
  caught_up: { name: 'caught up', colour: 'plain' },
}
