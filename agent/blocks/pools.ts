import { coinbaseBytes } from './coinbase.ts'
import { poolTags } from './pool-tags.ts'

const taggedPools = Object.entries(poolTags).flatMap(([pool, tags]) => tags.map((tag) => ({ pool, tag })))

/** Returns the pool that mined a block, by the tag in its coinbase's script (hex), or `unknown`. */
export function poolOf(scriptSig: string | undefined): string | undefined {
  if (scriptSig === undefined) return undefined
  const text = coinbaseBytes(scriptSig)
  return taggedPools.find(({ tag }) => text.includes(tag))?.pool ?? 'unknown'
}
