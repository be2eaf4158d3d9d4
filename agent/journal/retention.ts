import { rm } from 'node:fs/promises'
import { statIfThere } from '../files/append-file.ts'
import { listRotatedFiles, rotatedAt } from './files.ts'

/** The part of a journal that is kept: by size or by age. */
export type Retention = { readonly bytes: number } | { readonly days: number }

const DAY_MS = 24 * 3600 * 1000

/** Deletes the oldest rotated files as far as they are more than what is kept, and returns their names. The file that is written to stays. */
export async function enforceRetention(path: string, keep: Retention, now: Date): Promise<readonly string[]> {
  const rotated = await listRotatedFiles(path)
  const surplus = 'days' in keep ? olderThan(rotated, now.getTime() - keep.days * DAY_MS) : await beyond(path, rotated, keep.bytes)
  for (const file of surplus) await rm(file, { force: true })
  return surplus
}

/** A rotated file's newest record is about as old as its name says. */
function olderThan(rotated: readonly string[], ms: number): readonly string[] {
  return rotated.filter((file) => rotatedAt(file).getTime() < ms)
}

async function beyond(path: string, rotated: readonly string[], bytes: number): Promise<readonly string[]> {
  let room = bytes - (await sizeOf(path))
  for (const [older, file] of [...rotated.entries()].reverse()) {
    room -= await sizeOf(file)
    if (room < 0) return rotated.slice(0, older + 1)
  }
  return []
}

/** 0 if it does not exist, or not any more. */
async function sizeOf(file: string): Promise<number> {
  return (await statIfThere(file))?.size ?? 0
}
