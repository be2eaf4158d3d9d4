import { coinbaseBytes } from './coinbase.ts'
import { poolTags } from './pool-tags.ts'

/** Who mined a block, by the tag in its coinbase's script (hex): a pool's name, or `unknown`. */
export function poolOf(scriptSig: string | undefined): string | undefined {
  if (scriptSig === undefined) return undefined
  const text = coinbaseBytes(scriptSig)
  return Object.entries(poolTags).find(([, tags]) => tags.some((tag) => text.includes(tag)))?.[0] ?? 'unknown'
}
