/** Bytes of a block's header. */
const HEADER_BYTES = 80

/** What the header of a block says. Hashes are 64 hex digits in display order. */
export interface Header {
  readonly hash: string
  readonly previous: string
  /** The target that the hash has to meet, in Bitcoin's compact form. */
  readonly bits: number
}

let crypto: typeof import('node:crypto') | undefined

/** Reads the header at an offset; `undefined` if the bytes end before it does. */
export function readHeader(bytes: Buffer, offset = 0): Header | undefined {
  const end = offset + HEADER_BYTES
  if (bytes.length < end) return undefined
  crypto ??= process.getBuiltinModule('node:crypto') // loaded with the first header: the agent starts without
  const digest = crypto.hash('sha256', crypto.hash('sha256', bytes.subarray(offset, end), 'buffer'), 'buffer')
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

/** The target of these bits, as a number and as a hash of that value. Those of 2,016 blocks in turn are the same. */
let last = { bits: 0, target: 0n, hash: hashOf(0n) }

/** The largest hash that the header's target allows: the smaller, the more work is in it. */
export function targetOf({ hash, bits }: Header): bigint {
  if (bits !== last.bits) {
    const target = expand(bits)
    last = { bits, target, hash: hashOf(target) }
  }
  return hash <= last.hash ? last.target : NO_WORK
}

function hashOf(target: bigint): string {
  return target.toString(16).padStart(64, '0')
}

/** Core refuses targets that are negative or do not fit into 256 bits: here they are 0, which no hash meets. */
function expand(bits: number): bigint {
  const exponent = bits >>> 24
  const mantissa = bits & 0x7fffff
  if ((bits & 0x800000) !== 0 || exponent > 32) return 0n
  return exponent <= 3 ? BigInt(mantissa >> (8 * (3 - exponent))) : BigInt(mantissa) << BigInt(8 * (exponent - 3))
}
