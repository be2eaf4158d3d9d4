/** Bytes of a block's header. */
const HEADER_BYTES = 80

/** What the header of a block says. Hashes are 64 hex digits in display order. */
export interface Header {
  readonly hash: string
  readonly previous: string
  /** The target that the hash has to meet, in Bitcoin's compact form. */
  readonly bits: number
}

/** Reads the header at an offset; `undefined` if the bytes end before it does. */
export function readHeader(bytes: Buffer, offset = 0): Header | undefined {
  const end = offset + HEADER_BYTES
  if (bytes.length < end) return undefined
  const { hash } = process.getBuiltinModule('node:crypto')
  const digest = hash('sha256', hash('sha256', bytes.subarray(offset, end), 'buffer'), 'buffer')
  return { hash: hexOf(digest), previous: readHash(bytes, offset + 4) as string, bits: bytes.readUInt32LE(offset + 72) }
}

/** Reads the hash of 32 bytes at an offset. */
export function readHash(bytes: Buffer, offset = 0): string | undefined {
  return bytes.length < offset + 32 ? undefined : hexOf(Buffer.from(bytes.subarray(offset, offset + 32)))
}

/** Reverses the bytes in place: hashes are shown from their last byte on. */
const hexOf = (littleEndian: Buffer) => littleEndian.reverse().toString('hex')

/** Of a header that lacks the work it claims: far above all targets that there are. */
const NO_WORK = 2n ** 512n

/** The largest hash that the header's target allows: the smaller, the more work is in it. */
export function targetOf({ hash, bits }: Header): bigint {
  const exponent = bits >>> 24
  const mantissa = bits & 0x7fffff
  // Core refuses targets that are negative or do not fit into 256 bits.
  if ((bits & 0x800000) !== 0 || exponent > 32) return NO_WORK
  const target = exponent <= 3 ? BigInt(mantissa >> (8 * (3 - exponent))) : BigInt(mantissa) << BigInt(8 * (exponent - 3))
  return BigInt(`0x${hash}`) <= target ? target : NO_WORK
}
