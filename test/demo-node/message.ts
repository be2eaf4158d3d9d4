import { createHash } from 'node:crypto'
import type { CoreProbe } from './demo-node.ts'

/** A message as a demo node records it. */
export interface RecordedMessage {
  readonly ts_ns: number
  readonly probe: CoreProbe
  readonly peer_id: number
  readonly address: string
  readonly connection_type: string
  readonly message: string
  readonly size: number
  /** Its first 96 bytes, in hex. */
  readonly payload: string
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
const display = (hash: Buffer) => Buffer.from(hash).reverse().toString('hex')

/** The hash of the block that a header is of. */
const hashOf = (header: Buffer) => display(sha256(sha256(header)))

export const isMessage = ({ probe }: { readonly probe: string }) => probe === 'net:inbound_message' || probe === 'net:outbound_message'

/** The header that a message begins with or whose it is the only one. */
export function headerIn({ message, payload }: Pick<RecordedMessage, 'message' | 'payload'>): Buffer | undefined {
  const bytes = Buffer.from(payload, 'hex')
  if (message === 'cmpctblock' || message === 'block') return bytes.subarray(0, 80)
  return message === 'headers' && bytes[0] === 1 ? bytes.subarray(1, 81) : undefined
}

/** The hash of the block before that of a header. */
export const previousHash = (header: Buffer) => display(header.subarray(4, 36))

/** The hash of the only block that a message is about. */
export function blockOf(message: Pick<RecordedMessage, 'message' | 'payload'>): string | undefined {
  const header = headerIn(message)
  if (header) return hashOf(header)
  const bytes = Buffer.from(message.payload, 'hex')
  if (message.message === 'getblocktxn' || message.message === 'blocktxn') return display(bytes.subarray(0, 32))
  const isOfBlock = [2, 4, 0x40000002].includes(bytes.length === 37 ? bytes.readUInt32LE(1) : 0)
  return isOfBlock ? display(bytes.subarray(5, 37)) : undefined
}
