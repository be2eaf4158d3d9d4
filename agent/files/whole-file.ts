import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { AppendFile, CAREFULLY, FILE_MODE, regularStats } from './append-file.ts'
import { ForeignFileError } from './fault.ts'

/** A draft that is there already is taken away and never written to. */
const DRAFT = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | CAREFULLY

/** A file's content; `undefined` if it does not exist. Throws if it is no regular file, or longer than that: it was never ours. */
export async function readWholeFile(path: string, mostBytes: number): Promise<Buffer | undefined> {
  const handle = await openIfThere(path)
  if (handle === undefined) return undefined
  try {
    const { size } = await regularStats(handle)
    if (size > mostBytes) throw new ForeignFileError('it is too long')
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Replaces a file's content, all or nothing, and returns the file, open for what is to be added. */
export async function replaceFile(path: string, text: string): Promise<AppendFile> {
  const draft = `${path}.new`
  await rm(draft, { force: true }) // an agent that was killed has left it, or somebody has planted it
  const handle = await open(draft, DRAFT, FILE_MODE)
  try {
    await handle.appendFile(text)
    await rename(draft, path)
    return new AppendFile(path, handle, await handle.stat())
  } catch (error) {
    await handle.close()
    await rm(draft, { force: true })
    throw error
  }
}

/** Opens a file to read it; `undefined` if it does not exist. */
export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | CAREFULLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
