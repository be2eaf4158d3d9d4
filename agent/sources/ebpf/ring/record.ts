import type { Field, Tracepoint } from '../../../tracepoints/define.ts'
import type { TracepointEvent } from '../../../tracepoints/index.ts'
import type { Layouts } from '../program/program.ts'
import { paddedLength, valueLength } from '../program/record-values.ts'

/** An event and the names of its fields that could not be read, if any. */
export interface Decoded {
  readonly event: TracepointEvent
  readonly tracepoint: Tracepoint
  readonly failed: readonly string[]
}

/** Who sent a record: the process by its number in the kernel program. */
export type NodeOf = (target: number) => string | undefined

const none: readonly string[] = []

/**
 * Makes a function that decodes the record at an offset of the ring's memory. The clock's offset, seconds since 1970 at
 * stamp 0, is asked for with each record. Returns `undefined` for a record of nobody known.
 */
export function createDecoder(
  layout: Layouts['record'],
  memory: ArrayBuffer,
  tracepoints: readonly Tracepoint[],
  nodeOf: NodeOf,
): (offset: number, clockOffset: number) => Decoded | undefined {
  const at = Object.fromEntries(Object.entries(layout.fields).map(([name, { offset }]) => [name, offset])) as Record<
    keyof typeof layout.fields,
    number
  >
  const view = new DataView(memory)
  const bytes = Buffer.from(memory)
  /** Place of the value that is read next. */
  let next = 0
  const plans = [false, true].flatMap((isBefore25) =>
    tracepoints.map((tracepoint) => ({ tracepoint, fields: fieldsOf(tracepoint, isBefore25) })),
  )

  const number = (offset: number) => view.getInt32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true)
  /** Reads the value here, and moves on to the next one. */
  const read = ({ kind, length, factor }: PlannedField, before: unknown): number | string | undefined => {
    const start = next
    const most = start + length
    next = most
    if (kind === 'integer') return number(start) * factor
    if (kind === 'hashPrefix') return view.getBigUint64(start, true).toString(16).padStart(16, '0')
    if (kind === 'rawHash') return reversedHex(bytes, start)
    if (kind === 'bytes') {
      const end = Math.min(most, start + Number(before))
      next = start + paddedLength(end - start)
      return bytes.toString('hex', start, end)
    }
    const nul = bytes.indexOf(0, start)
    const end = nul === -1 || nul > most ? most : nul
    next = Math.min(most, start + paddedLength(end + 1 - start))
    if (kind !== 'hexHash') return bytes.toString('utf8', start, end)
    const hash = bytes.toString('latin1', start, end)
    return isHash(hash) ? hash : undefined
  }

  return (offset, clockOffset) => {
    const node = nodeOf(view.getUint32(offset + at.target, true))
    const plan = plans[view.getUint16(offset + at.tracepoint, true)]
    if (node === undefined || plan === undefined) return undefined
    const count = view.getUint16(offset + at.count, true)
    const unread = view.getUint32(offset + at.failed, true)
    const stampNs = number(offset + at.stamp)
    const event: Record<string, unknown> = {
      probe: plan.tracepoint.probe,
      node,
      stampNs,
      unixSeconds: stampNs / 1e9 + clockOffset,
    }
    next = offset + at.values
    let failed: string[] | undefined
    let before: unknown
    for (let i = 0; i < plan.fields.length; i++) {
      const field = plan.fields[i] as PlannedField
      const value = i < count && (unread & (1 << i)) === 0 ? read(field, before) : undefined
      event[field.name] = value
      before = value
      if (value !== undefined || (field.optional && i >= count)) continue
      failed ??= []
      failed.push(field.name)
    }
    return { event: event as unknown as TracepointEvent, tracepoint: plan.tracepoint, failed: failed ?? none }
  }
}

interface PlannedField extends Pick<Field, 'kind' | 'optional'> {
  readonly name: string
  /** Bytes that its value takes at most. */
  readonly length: number
  readonly factor: number
}

function fieldsOf({ args }: Tracepoint, isBefore25: boolean): readonly PlannedField[] {
  return Object.entries(args).map(([name, field]) => ({
    name,
    kind: field.kind,
    optional: field.optional,
    length: valueLength(field),
    factor: isBefore25 ? field.factorBefore25 : 1,
  }))
}

const HASH_LENGTH = 32
const isHash = (digits: string) => /^[0-9a-f]{64}$/.test(digits)

const reversed = Buffer.alloc(HASH_LENGTH)

/** Display form of a hash whose bytes are stored the other way round. */
function reversedHex(bytes: Buffer, start: number): string {
  reversed.set(bytes.subarray(start, start + HASH_LENGTH))
  return reversed.reverse().toString('hex')
}
