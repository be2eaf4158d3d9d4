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
  } catch (cause) {
    throw new Error(
      `koffi, with which Node.js calls libraries of the system, cannot be loaded (${firstLine(cause)}): ` +
        'install fibre-agent anew, or run npm ci in a checkout',
      { cause },
    )
  }
})

export const firstLine = (error: unknown): string => (error as Error).message.split('\n', 1)[0] ?? ''
