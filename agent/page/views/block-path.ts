import type { Path } from '../../blocks/record-fields.ts'

/** How a block came, in words. */
export const pathNames: Readonly<Record<Path, string>> = {
  fibre_udp: 'FIBRE',
  bip152_cmpct: 'compact block',
  other: 'other',
  no_race: 'no race',
  unknown: 'unknown',
}

/** And in the page's colours. */
export const pathLooks: Readonly<Record<Path, string>> = {
  fibre_udp: 'fibre',
  bip152_cmpct: 'compact',
  other: 'other',
  no_race: 'plain',
  unknown: 'unknown',
}
