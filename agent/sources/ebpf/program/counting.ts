import { updateElement } from '../../../native/libbpf.ts'
import type { Tracepoint } from '../../../tracepoints/define.ts'
import type { KernelProgram } from './program.ts'

/** Tells the kernel program which texts the labels of counted tracepoints know, and the bounds of their histograms. */
export function writeCounting({ fds, layouts }: Pick<KernelProgram, 'fds' | 'layouts'>, tracepoints: readonly Tracepoint[]): void {
  const { spec, textKey, bounds } = layouts
  const mostLabels = spec.fields.by.size / spec.fields.by.element
  tracepoints.forEach(({ counted }, number) => {
    Object.values(counted?.by ?? {}).forEach(({ values, compared }, label) => {
      if (compared === 0) return
      values.forEach((value, i) => {
        const key = Buffer.alloc(textKey.size)
        key.writeUInt32LE(number * mostLabels + label, textKey.fields.list.offset)
        Buffer.from(value).copy(key, textKey.fields.text.offset, 0, compared)
        updateElement(fds.texts, key, uint32(i))
      })
    })
    if (counted?.histogram === undefined) return
    const upper = Buffer.alloc(bounds.size)
    counted.histogram.bounds.forEach((bound, i) => {
      upper.writeBigUInt64LE(BigInt(bound), bounds.fields.upper.offset + 8 * i)
    })
    updateElement(fds.histograms, uint32(number), upper)
  })
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
