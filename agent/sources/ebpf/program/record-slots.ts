import type { Kind, Tracepoint } from '../../../tracepoints/define.ts'
import type { Layouts } from './program.ts'

/** Slots of a record that an argument's text or hash fills. */
export const slotCount: Readonly<Record<Kind, number>> = { integer: 0, hashPrefix: 0, text: 1, hexHash: 1, longText: 2, rawHash: 1 }

/** The first slot of each argument in a record. */
export function slotsOf(tracepoint: Tracepoint): readonly number[] {
  let next = 0
  return Object.values(tracepoint.args).map(({ kind }) => {
    const slot = next
    next += slotCount[kind]
    return slot
  })
}

/** Throws if a tracepoint that is recorded has arguments for which a record of the kernel program has no room. */
export function checkCapacity({ fields }: Layouts['record'], tracepoints: readonly Tracepoint[]): void {
  const numbers = fields.numbers.size / fields.numbers.element
  const lastSlot = fields.slots.size / fields.slots.element - 2 // the verifier wants room for a second one behind each first
  const faults = tracepoints
    .filter(({ counted }) => counted === undefined)
    .flatMap((tracepoint) => {
      const { probe, args } = tracepoint
      const slots = slotsOf(tracepoint)
      const beyond = Object.entries(args)
        .filter(([, { kind }], i) => i >= numbers || (slotCount[kind] > 0 && (slots[i] as number) > lastSlot))
        .map(([name]) => name)
      return beyond.length > 0 ? [`${probe} (${beyond.join(', ')})`] : []
    })
  if (faults.length === 0) return
  throw new Error(`a record of the kernel program has no room for all arguments of ${faults.join(' and ')}`)
}
