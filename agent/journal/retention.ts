import { lstatSync, rmSync } from 'node:fs'
import { rotatedAt, rotatedFiles } from './files.ts'

/** How much of a journal is kept: in all, or for how long. */
export type Retention = { readonly bytes: number } | { readonly days: number }

const DAY_MS = 24 * 3600 * 1000

/** Deletes the oldest rotated files as far as they are more than what is kept, and returns their names. The file that is written to stays. */
export function enforceRetention(path: string, keep: Retention, now: Date): readonly string[] {
  const surplus = 'days' in keep ? olderThan(path, now.getTime() - keep.days * DAY_MS) : beyond(path, keep.bytes)
  for (const file of surplus) rmSync(file, { force: true })
  return surplus
}

/** A rotated file's newest record is about as old as its name says. */
function olderThan(path: string, ms: number): readonly string[] {
  return rotatedFiles(path).filter((file) => rotatedAt(file).getTime() < ms)
}

function beyond(path: string, bytes: number): readonly string[] {
  let room = bytes - sizeOf(path)
  const newestFirst = rotatedFiles(path).toReversed()
  const firstTooMany = newestFirst.findIndex((file) => {
    room -= sizeOf(file)
    return room < 0
  })
  return firstTooMany === -1 ? [] : newestFirst.slice(firstTooMany).reverse()
}

/** 0 if it does not exist, or not any more. */
function sizeOf(file: string): number {
  return lstatSync(file, { throwIfNoEntry: false })?.size ?? 0
}
