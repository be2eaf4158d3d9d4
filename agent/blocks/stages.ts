/** A moment in a block's way, in whole µs; `undefined` where it is not known. */
interface Moment {
  /** The stage that ends then. */
  readonly stage: Stage
  readonly us: number | undefined
}

/** The stages of a block's way, by messages or by FIBRE, in their order. Not every way has all of them. */
export type Stage =
  | 'announced_to_received'
  | 'received_to_requested'
  | 'round_trip'
  | 'received_to_validation'
  | 'started_to_reconstructed'
  | 'reconstructed_to_validation'
  | 'validation'
  | 'connected_to_sent'
  | 'connected_to_told'

/** The durations of a block's stages in µs, which add up to the whole. */
export interface Stages {
  readonly us: { readonly [Name in Stage]?: number }
  /** The longest, by its name or the names of those that are in it. */
  readonly slowest: string | undefined
  /** Stages between which nothing is known, as `one+other`: the last of them has the time of all. */
  readonly joined: readonly string[]
}

/** Divides the way from its first sign into stages. A moment that is not known, or that lies before an earlier one, joins two of them. */
export function stagesOf(firstUs: number, moments: readonly Moment[]): Stages {
  const us: { [Name in Stage]?: number } = {}
  const joined: string[] = []
  let beginUs = firstUs
  let open: string | undefined
  let slowest: string | undefined
  let slowestUs = Number.NEGATIVE_INFINITY
  for (const { stage, us: endUs } of moments) {
    const name: string = open === undefined ? stage : `${open}+${stage}`
    if (endUs === undefined || endUs < beginUs) {
      open = name
      continue
    }
    us[stage] = endUs - beginUs
    if (open !== undefined) joined.push(name)
    if (endUs - beginUs > slowestUs) {
      slowest = name
      slowestUs = endUs - beginUs
    }
    beginUs = endUs
    open = undefined
  }
  return { us, slowest, joined }
}
