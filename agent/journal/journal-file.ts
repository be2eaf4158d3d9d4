import { constants } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isBlockRecord } from '../blocks/record.ts'
import { type AppendFile, CAREFULLY, FILE_MODE, openAppendFile, statIfThere } from '../files/append-file.ts'
import { ForeignFileError } from '../files/fault.ts'
import { rotatedName } from './files.ts'

/** Peers are nobody else's business. */
const DIRECTORY_MODE = 0o750
/** The begin of every record, also of one whose end was never written. */
const BEGINNING = '{"schema":'

/** Opens a journal's file, or makes it. Throws if it cannot be written or is something else. */
export async function openJournalFile(path: string): Promise<AppendFile> {
  await makeDirectory(dirname(path))
  return openAppendFile(path, { accept })
}

/** Gives a file its rotated name, and returns that. It stays open. */
export async function rotate({ path }: AppendFile, now: Date): Promise<string> {
  const name = await reserveRotatedName(path, now)
  try {
    await rename(path, name)
    return name
  } catch (error) {
    await rm(name, { force: true })
    throw error
  }
}

/** With those above it. Node's own, `recursive`, never returns below /proc, where a directory cannot be made in one that exists. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, DIRECTORY_MODE)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return // if it is a file, opening one in it says so
    if (code !== 'ENOENT' || (await statIfThere(dirname(path)))) throw error
    await makeDirectory(dirname(path))
    await makeDirectory(path)
  }
}

function accept(tail: string): void {
  if (!BEGINNING.startsWith(tail) && !tail.split('\n').some(isRecord)) throw new ForeignFileError('it holds something else')
}

function isRecord(line: string): boolean {
  if (!line.startsWith(BEGINNING)) return false
  try {
    return isBlockRecord(JSON.parse(line))
  } catch {
    return true // torn
  }
}

/** Takes a name that no file has, also where another agent rotates at the same moment: renaming would replace what has it. */
async function reserveRotatedName(path: string, now: Date): Promise<string> {
  const name = rotatedName(path, now)
  try {
    await (await open(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | CAREFULLY, FILE_MODE)).close()
    return name
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return reserveRotatedName(path, new Date(now.getTime() + 1))
    throw error
  }
}
