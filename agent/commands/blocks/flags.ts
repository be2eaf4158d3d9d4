import * as z from 'zod'
import { paths } from '../../blocks/summary/summary.ts'
import { durationInMs, nonEmptyText, wholeNumber } from '../../settings/values.ts'
import type { Flags } from '../flags.ts'
import { shortPath } from './columns.ts'
import { moment } from './moment.ts'

export const formats = ['table', 'json', 'ndjson', 'csv'] as const

const blockHash = z
  .string()
  .trim()
  .regex(/^[\da-f]{6,64}$/i, 'must be the 64 hex digits of a block hash, or at least 6 from its beginning or end')
  .toLowerCase()

const heights = z
  .string()
  .trim()
  .regex(/^\d{1,9}(-\d{1,9})?$/, 'must be a height such as 900123, or a range such as 900000-900143')
  .transform((range) => range.split('-').map(Number) as [number, number?])
  .transform(([from, to = from]) => ({ from, to }))
  .refine(({ from, to }) => from <= to, 'must be a range from the lower height to the higher one')

/** The flags of `fibre-agent blocks`. */
export const queryFlags = {
  last: { placeholder: 'N', help: 'The N newest of them. 20 if nothing else selects.', type: wholeNumber(1, 100_000) },
  slow: {
    placeholder: '[MS]',
    help: 'Reconstructed from FIBRE chunks in that many milliseconds or more; without a number, in as many as make a block slow in the settings.',
    type: durationInMs,
  },
  since: { placeholder: 'WHEN', help: 'From then on: 90m, 24h, 7d ago, or a UTC date or time such as 2026-11-22T10:15.', type: moment },
  until: { placeholder: 'WHEN', help: 'Before then.', type: moment },
  hash: { placeholder: 'HASH', help: 'A hash, or at least 6 hex digits from its beginning or end.', type: blockHash },
  height: { placeholder: 'H[-H]', help: 'A height, or a range of heights.', type: heights },
  node: { placeholder: 'NAME', many: true, help: 'Of that node. May be given several times.', type: nonEmptyText },
  path: {
    placeholder: 'WAY',
    many: true,
    help: `That came so: ${paths.join(', ')}; bip152_cmpct takes in compact_block and compact_block_round_trip. May be given several times.`,
    type: z
      .string()
      .transform((name) => paths.find((path) => shortPath(path) === name) ?? name)
      .pipe(z.enum(paths, `must be one of ${paths.join(', ')}`)),
  },
  format: {
    placeholder: 'FORMAT',
    help: 'table, json, ndjson or csv. A single block that was named by hash or height is shown whole in place of a table.',
    type: z.enum(formats, 'must be table, json, ndjson or csv'),
  },
  summary: {
    help: 'Their figures on one screen, instead of the blocks; of the whole journal if nothing else selects.',
  },
  journal: {
    placeholder: 'FILE',
    help: "The journal to read, in place of the settings' one.",
    type: nonEmptyText.refine((path) => path !== 'none', 'must name the journal to read (./none for a file of that name)'),
  },
} as const satisfies Flags
