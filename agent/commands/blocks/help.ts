import type { Help } from '../help-text.ts'
import { queryFlags } from './flags.ts'

const introduction = `Prints what the journal says of blocks, while the agent runs or not: of all that fit everything \
that is given, in order of time, the newest at the end. A block is in the journal about a second after its race, or 5 s after it was \
connected without one.`

const table = `In a terminal the table has as many columns as there is room for, of those that any block has a value of, and the end of each hash, which --hash \
takes; written to a file or a pipe it has all. Where those that matter most would not fit, times are without the year, and compact_block_round_trip is round_trip. Control characters in text of others are shown as \\u001b and the like.`

const examples = [
  ['', 'the last 20 blocks'],
  ['--last 1 --format json', 'the last one, as JSON'],
  ['--height 900123', 'all about one block'],
  ['--hash 64e8c7f2', 'the same, by the end of its hash'],
  ['--since 24h --slow', 'slow ones of the last day'],
  ['--since 2026-11-15 --until 2026-11-22 --summary', 'figures of a week'],
  ['--path bip152_cmpct --format csv > lost.csv', 'what FIBRE lost, for a spreadsheet'],
] as const

const exitStatus =
  'Exit status: 0, also where no block fits; 1 when there is no journal that can be read; 2 when the command line or another setting is wrong.'

/** The help of `fibre-agent blocks`. */
export const blocksHelp: Help = {
  usage: ['fibre-agent blocks [--FLAG [VALUE]]...'],
  parts: [
    introduction,
    { title: 'Flags', flags: [...Object.keys(queryFlags), 'config', 'help', 'version'] },
    'The beginning of a flag is enough where it is unambiguous.',
    table,
    {
      title: 'Examples',
      examples: examples.map(([words, meaning]) => ({ words: `fibre-agent blocks ${words}`.trimEnd(), meaning })),
    },
    exitStatus,
  ],
}
