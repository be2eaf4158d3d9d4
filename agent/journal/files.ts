import { readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** The end of a rotated file's name: the time of the rotation in UTC, such as 20261122T101530.123Z. */
const ROTATED_AT = /^\d{8}T\d{6}\.\d{3}Z$/

/** The files of a journal, oldest first: those that were rotated away, and last the one that is written to, whether it exists or not. */
export function journalFiles(path: string): readonly string[] {
  return [...rotatedFiles(path), path]
}

/** The files that were rotated away, oldest first. */
export function rotatedFiles(path: string): readonly string[] {
  return rotatedAmong(readdirSync(dirname(path)), path)
}

/** The same, without holding up other work. */
export async function listRotatedFiles(path: string): Promise<readonly string[]> {
  return rotatedAmong(await readdir(dirname(path)), path)
}

function rotatedAmong(names: readonly string[], path: string): readonly string[] {
  const prefix = `${basename(path)}.`
  return names
    .filter((name) => name.startsWith(prefix) && ROTATED_AT.test(name.slice(prefix.length)) && isTime(rotatedAt(name)))
    .sort()
    .map((name) => join(dirname(path), name))
}

const isTime = (date: Date) => !Number.isNaN(date.getTime())

/** The name of a file that is rotated away at this time. */
export function rotatedName(path: string, now: Date): string {
  return `${path}.${now.toISOString().replace(/[-:]/g, '')}`
}

/** When a file was rotated away. */
export function rotatedAt(rotated: string): Date {
  const [, date, time] = /\.(\d{8})T(\d{6}\.\d{3})Z$/.exec(rotated) ?? []
  return new Date(`${date?.replace(/(....)(..)/, '$1-$2-')}T${time?.replace(/(..)(..)/, '$1:$2:')}Z`)
}

/** Returns the path of a file beside a journal, named like it: `blocks.ndjson` and `.node-names` make `blocks.node-names`. */
export function besideJournal(journal: string, extension: string): string {
  return journal.replace(/(\.[^./]*)?$/, extension)
}
