import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

/** An address in this process. */
export type Pointer = bigint

const require = createRequire(`${import.meta.dirname}/`)

/** Calls `create` when its result is first asked for. A failure is not kept. */
export function lazy<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined
  return () => {
    created ??= { value: create() }
    return created.value
  }
}

/** koffi, loaded on first use: what calls no library works without its binary. */
export const koffi = lazy((): typeof Koffi => {
  try {
    return require('koffi')
  } catch (error) {
    const [reason] = (error as Error).message.split('\n', 1) // Node.js adds which files asked for it
    throw new Error(
      `koffi, with which Node.js calls system libraries, cannot be loaded (${reason}): install fibre-agent anew, or run npm ci`,
    )
  }
})
