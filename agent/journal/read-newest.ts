import type { BlockRecord } from '../blocks/record.ts'
import { regularStats } from '../files/append-file.ts'
import { openIfThere } from '../files/whole-file.ts'
import { listRotatedFiles } from './files.ts'
import { BLOCK_BYTES, type Line, LineSplitter } from './lines.ts'
import { parseRecord } from './read.ts'

/** 2,000 records take some 2 MB; whatever takes more is not read on. */
const MOST_BYTES = 32 * 2 ** 20

/** The newest records of a journal, oldest first, read without holding up other work. */
export async function readNewest(path: string, count: number): Promise<readonly BlockRecord[]> {
  const records: BlockRecord[] = []
  let bytes = 0
  for (const file of [path, ...(await listRotatedFiles(path)).toReversed()]) {
    const splitter = new LineSplitter('backwards')
    const take = ({ text }: Line) => {
      const record = parseRecord(text)
      if (record && records.length < count) records.push(record)
    }
    for await (const block of blocksBackwards(file)) {
      for (const line of splitter.push(block)) take(line)
      bytes += block.length
      if (records.length === count || bytes >= MOST_BYTES) return records.reverse()
    }
    take(splitter.end())
  }
  return records.reverse()
}

async function* blocksBackwards(path: string): AsyncGenerator<Buffer> {
  const handle = await openIfThere(path)
  if (handle === undefined) return
  try {
    for (let end = (await regularStats(handle)).size; end > 0; end -= BLOCK_BYTES) {
      const length = Math.min(BLOCK_BYTES, end)
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, end - length)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}
