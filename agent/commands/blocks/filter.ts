import type { BlockRecord } from '../../blocks/record.ts'
import type { Path } from '../../blocks/record-fields.ts'

/** The conditions that a block can be asked to meet. */
interface Questions {
  /** That long a reconstruction, or longer. */
  readonly slowMs: number
  /** Unix time in ms. */
  readonly since: number
  /** Unix time in ms; this moment is excluded. */
  readonly until: number
  /** The beginning or the end of the hash. */
  readonly hash: string
  readonly heights: { readonly from: number; readonly to: number }
  readonly nodes: readonly string[]
  readonly paths: readonly Path[]
}

/** Which blocks are asked for: all those that answer to everything that is given. */
export type Filter = { readonly [Name in keyof Questions]?: Questions[Name] | undefined }

export function fits(record: BlockRecord, filter: Filter): boolean {
  return names.every((name) => answers(record, name, filter[name]))
}

const answer: { readonly [Name in keyof Questions]: (record: BlockRecord, asked: Questions[Name]) => boolean } = {
  slowMs: ({ reconstruction_ms: ms }, slowMs) => ms !== undefined && ms >= slowMs,
  since: ({ time }, since) => Date.parse(time) >= since,
  until: ({ time }, until) => Date.parse(time) < until,
  hash: ({ block_hash: hash }, part) => hash.startsWith(part) || hash.endsWith(part),
  heights: ({ height }, { from, to }) => height !== undefined && height >= from && height <= to,
  nodes: ({ node }, nodes) => nodes.includes(node),
  paths: ({ path }, paths) => paths.includes(path) || (paths.includes('bip152_cmpct') && isByCompactBlock(path)),
}

/** Where messages are seen, a record says more of what bitcoind calls by one name. */
const isByCompactBlock = (path: Path) => path === 'compact_block' || path === 'compact_block_round_trip'

const names = Object.keys(answer) as (keyof Questions)[]

function answers<Name extends keyof Questions>(record: BlockRecord, name: Name, asked: Questions[Name] | undefined): boolean {
  return asked === undefined || answer[name](record, asked)
}
