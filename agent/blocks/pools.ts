import { poolTags } from './pool-tags.ts'

const taggedPools = Object.entries(poolTags).flatMap(([pool, tags]) => tags.map((tag) => ({ pool, tag })))

/** Returns the pool that mined a block, by the tag in its decoded coinbase, or `unknown`. */
export function poolOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  return taggedPools.find(({ tag }) => text.includes(tag))?.pool ?? 'unknown'
}
