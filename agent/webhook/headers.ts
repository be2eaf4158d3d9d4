import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { webhookHeaders } from '../settings/values.ts'

export type Headers = Readonly<Record<string, string>>

/** No such file is longer. */
const MOST_BYTES = 64 * 1024

/** Reads headers from a file, one `Name: value` a line. Throws, without repeating any of it, if it holds anything else. */
export async function readHeaders(path: string): Promise<Headers> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0)
    const { data, error } = webhookHeaders.safeParse(buffer.toString('utf8', 0, bytesRead))
    if (error) throw new Error(error.issues[0]?.message)
    return data
  } finally {
    await handle.close()
  }
}
