/** Docker's pieces: its copier reads 16 KiB at a time (moby/daemon/logger/copier.go). */
const PIECE_BYTES = 16 * 1024

/** Output of bitcoind as Docker's log driver json-file keeps it: a line of JSON each, long ones in pieces of which the last ends with a newline. */
export function jsonFile(printed: string | Buffer, time: string, tag?: string): string {
  const bytes = Buffer.from(printed)
  const lines: string[] = []
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf('\n', start)
    const end = Math.min(start + PIECE_BYTES, newline === -1 ? bytes.length : newline + 1)
    lines.push(
      `{"log":${quoted(bytes.subarray(start, end).toString())},"stream":"stdout",${tag === undefined ? '' : `"attrs":{"tag":${JSON.stringify(tag)}},`}"time":"${time}"}\n`,
    )
    start = end
  }
  return lines.join('')
}

/** JSON as moby writes it: these three letters, and what is not UTF-8, by number. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/[<>&\ufffd]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
