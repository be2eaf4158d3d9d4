import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeObject, openObject, readBtf } from '../../../../agent/native/libbpf.ts'
import { readLayouts } from '../../../../agent/sources/ebpf/program/btf.ts'
import { type Layouts, labelFields, specFields } from '../../../../agent/sources/ebpf/program/program.ts'

/** Reads structs from the kernel program as set-up built it. Nothing is loaded into the kernel. */
export function openLayouts(): ReturnType<typeof readLayouts> {
  const object = openObject(readFileSync(join(import.meta.dirname, '../../../../dist/usdt.bpf.o')))
  const layoutOf = readLayouts(readBtf(object))
  closeObject(object)
  return layoutOf
}

/** Those that these tests write or read bytes of. */
export function readObjectLayouts(): Pick<Layouts, 'argument' | 'spec' | 'label' | 'record'> {
  const layoutOf = openLayouts()
  return {
    argument: layoutOf('argument', ['place', 'type', 'size', 'base', 'index', 'scale', 'length', 'offset']),
    spec: layoutOf('spec', specFields),
    label: layoutOf('label', labelFields),
    record: layoutOf('record', ['stamp', 'target', 'tracepoint', 'count', 'failed', 'share', 'values']),
  }
}
