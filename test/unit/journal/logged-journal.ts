import { readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { journalFiles } from '../../../agent/journal/files.ts'
import { type Journal, type JournalOptions, openJournal } from '../../../agent/journal/journal.ts'
import { captureLog } from '../../harness/captured-log.ts'

/** Opens a journal in this process, and keeps what it logs. */
export async function openLoggedJournal(path: string, options: Partial<JournalOptions> = {}) {
  const { log, lines: logged } = captureLog()
  const journal = await openJournal({ path, maxFileBytes: 2 ** 20, keep: { bytes: 2 ** 30 }, log, ...options })
  onTestFinished(() => journal.close())
  return { journal, logged }
}

/** Appends records and waits until they are written, or until that has failed. */
export async function append(journal: Journal, ...records: readonly BlockRecord[]): Promise<void> {
  for (const record of records) journal.append(record)
  await journal.flush()
}

export function textOf(path: string): string {
  return journalFiles(path)
    .map((file) => readFileSync(file, 'utf8'))
    .join('')
}

/** Records in a journal's files, line by line. Fails if a line is not valid JSON or not ended. */
export function linesIn(path: string): readonly BlockRecord[] {
  const lines = textOf(path).split('\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  return lines.map((line) => JSON.parse(line))
}

export const heightsIn = (path: string) => linesIn(path).map(({ height }) => height)
export const heightsOf = (records: readonly BlockRecord[]) => records.map(({ height }) => height)
