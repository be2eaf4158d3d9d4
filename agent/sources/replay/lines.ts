import { createReadStream } from 'node:fs'

/** A line longer than this is no event. */
const MAX_LINE_BYTES = 64 * 1024
const CHUNK_BYTES = 256 * 1024
const LINE_BREAK = 0x0a

/** Lines that were read together. */
export interface Lines {
  /** `undefined` for one that is too long. */
  readonly lines: readonly (string | undefined)[]
  /** Bytes of the file up to their end. */
  readonly bytes: number
}

/** Reads the first `size` bytes of a file, some lines at a time. A last line without line break counts as one. */
export async function* readLines(file: string, size: number): AsyncGenerator<Lines> {
  if (size === 0) return
  let begun: Buffer[] = []
  let begunBytes = 0
  let bytes = 0
  for await (const chunk of createReadStream(file, { end: size - 1, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    const end = chunk.lastIndexOf(LINE_BREAK)
    if (end !== -1) {
      yield { lines: split(begun, begunBytes, chunk.subarray(0, end)), bytes }
      begun = []
      begunBytes = 0
    }
    const rest = chunk.subarray(end + 1)
    if (begunBytes <= MAX_LINE_BYTES) begun.push(rest)
    begunBytes += rest.length
  }
  if (begunBytes > 0) yield { lines: split(begun, begunBytes, Buffer.alloc(0)), bytes }
}

/** Of a begun line that became too long only the beginning was kept. */
function split(begun: readonly Buffer[], begunBytes: number, chunk: Buffer): readonly (string | undefined)[] {
  const isCut = begunBytes > MAX_LINE_BYTES
  const texts = Buffer.concat([...begun, chunk])
    .toString('utf8')
    .split('\n')
  return texts.map((text, i) => ((isCut && i === 0) || text.length > MAX_LINE_BYTES ? undefined : text))
}
