import { statSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Pointer } from '../../../native/koffi.ts'
import * as bpf from '../../../native/libbpf.ts'
import { SystemError } from '../../../native/libc.ts'
import { hasMultiUprobes } from '../../../native/uprobe-links.ts'
import { readLayouts, type StructLayout } from './btf.ts'
import { readKernelFacts } from './kernel-facts.ts'
import { openPins, type Pins } from './pins.ts'
import { explainLoad, loadErrors } from './refusals.ts'

/** A way of attaching: many sites by one link or not, and with or without paging in bitcoind's memory. */
export interface Form {
  readonly multi: boolean
  readonly sleepable: boolean
}

/** In the order in which they are tried: kernels since 6.6, 6.6 without sleeping, 6.0, 5.15. */
export const forms: readonly Form[] = [
  { multi: true, sleepable: true },
  { multi: true, sleepable: false },
  { multi: false, sleepable: true },
  { multi: false, sleepable: false },
]

const programNames = ['record_event', 'count_event'] as const
export type ProgramName = (typeof programNames)[number]

/** Memory layouts of the structs that the kernel program shares with user space. */
export interface Layouts {
  readonly argument: StructLayout<'place' | 'type' | 'size' | 'base' | 'index' | 'scale' | 'length' | 'offset'>
  readonly spec: StructLayout<(typeof specFields)[number]>
  readonly label: StructLayout<(typeof labelFields)[number]>
  readonly record: StructLayout<'stamp' | 'target' | 'tracepoint' | 'count' | 'failed' | 'share' | 'values'>
  readonly state: StructLayout<'lost' | 'asleep_since' | 'asleep'>
  readonly share: StructLayout<'taken'>
  readonly textKey: StructLayout<'list' | 'text'>
  readonly bounds: StructLayout<'upper'>
}

/** Of `struct spec` and of `struct label`. */
export const specFields = [
  'target',
  'pid',
  'tracepoint',
  'count',
  'share',
  'arguments',
  'recorded',
  'totals',
  'labels',
  'sums',
  'bounds',
  'measured',
  'summed',
  'by',
] as const
export const labelFields = ['argument', 'known', 'length', 'step'] as const

export interface OpenOptions {
  /** The object that `bpf/usdt.bpf.c` was compiled to. */
  readonly image: Buffer
  /** Bytes of the ring buffer; rounded up to a power of two. */
  readonly ringSize: number
  readonly log: Logger
  /** Only these forms are tried. */
  readonly forms?: readonly Form[]
}

/** The kernel program, loaded. */
export interface KernelProgram {
  readonly form: Form
  readonly layouts: Layouts
  readonly programs: Readonly<Record<ProgramName, Pointer>>
  readonly fds: Readonly<Record<'specs' | 'states' | 'events' | 'shares' | 'totals' | 'texts' | 'histograms', number>>
  /** Holds links to many uprobes, if the kernel supports them. */
  readonly pins: Pins | undefined
  /** Real size of the ring buffer: libbpf rounds it up. */
  readonly ringSize: number
  readonly specCount: number
  readonly shareCount: number
  readonly totalCount: number
  /** Whether a thread of a process may be sleeping in the program just now. */
  isAsleep(): boolean
  /** Tells the program that the reader comes by itself. */
  setDraining(isDraining: boolean): void
  /** Tells the program that several processes have the ring. */
  setShared(isShared: boolean): void
  close(): void
}

/** Warnings of libbpf that are kept: its first ones tell the cause. */
const MAX_WARNINGS = 10

/** Loads the kernel program in the best form that this kernel takes. */
export function openProgram(options: OpenOptions): KernelProgram {
  const warnings: string[] = []
  const stopCapturing = bpf.captureWarnings((message) => {
    // The first line; behind it may come the verifier's whole log.
    if (warnings.length < MAX_WARNINGS) warnings.push(message.split('\n', 1)[0] ?? '')
  })
  const refusals: Error[] = []
  try {
    for (const form of options.forms ?? forms) {
      try {
        const program = load(options, form)
        for (const refusal of refusals) options.log.debug({ err: refusal }, 'kernel refused a form of the program')
        return program
      } catch (error) {
        refusals.push(error as Error)
        if (isGeneral(error as Error)) break // it would only look as if the kernel were too old for the better forms
      }
    }
  } finally {
    stopCapturing()
  }
  throw explain(refusals, warnings, options.ringSize)
}

function load({ image, ringSize }: OpenOptions, form: Form): KernelProgram {
  const object = bpf.openObject(image)
  try {
    const programs = Object.fromEntries(programNames.map((name) => [name, bpf.findProgram(object, name)])) as Record<ProgramName, Pointer>
    for (const program of Object.values(programs)) {
      if (form.multi) bpf.setMultiUprobe(program)
      if (form.sleepable) bpf.setSleepable(program)
    }
    const events = bpf.findMap(object, 'events')
    bpf.setMapMaxEntries(events, ringSize)
    const layoutOf = readLayouts(bpf.readBtf(object))
    writeSettings(object, layoutOf, form, bpf.mapMaxEntries(events))
    bpf.loadObject(object)
    if (form.multi && !hasMultiUprobes(programs.record_event)) throw new Error('this kernel has no links to many uprobes')
    const specs = bpf.findMap(object, 'specs')
    const fd = (name: string) => bpf.mapFd(bpf.findMap(object, name))
    const reader = bpf.findMap(object, '.bss')
    const variables = Buffer.alloc(bpf.globalsOf(reader).byteLength)
    const sleeping = fd('.data.sleeping')
    const isAsleep = () => {
      const count = Buffer.alloc(8)
      return bpf.lookupElement(sleeping, Buffer.alloc(4), count) && count.readBigUInt64LE() > 0n
    }
    const pins = form.multi ? openPins(isAsleep) : undefined
    const { fields } = layoutOf('reader', ['draining', 'shared'])
    const setVariable = (name: keyof typeof fields, value: boolean) => {
      // Not by writing to its memory: before libbpf 1.5 that is not shared with the kernel.
      variables.writeUInt32LE(Number(value), fields[name].offset)
      bpf.updateElement(bpf.mapFd(reader), Buffer.alloc(4), variables)
    }
    return {
      form,
      layouts: {
        argument: layoutOf('argument', ['place', 'type', 'size', 'base', 'index', 'scale', 'length', 'offset']),
        spec: layoutOf('spec', specFields),
        label: layoutOf('label', labelFields),
        record: layoutOf('record', ['stamp', 'target', 'tracepoint', 'count', 'failed', 'share', 'values']),
        state: layoutOf('state', ['lost', 'asleep_since', 'asleep']),
        share: layoutOf('share', ['taken']),
        textKey: layoutOf('text_key', ['list', 'text']),
        bounds: layoutOf('bounds', ['upper']),
      },
      programs,
      fds: {
        specs: fd('specs'),
        states: fd('states'),
        events: fd('events'),
        shares: fd('shares'),
        totals: fd('totals'),
        texts: fd('texts'),
        histograms: fd('histograms'),
      },
      pins,
      ringSize: bpf.mapMaxEntries(events),
      specCount: bpf.mapMaxEntries(specs),
      shareCount: bpf.mapMaxEntries(bpf.findMap(object, 'shares')),
      totalCount: bpf.mapMaxEntries(bpf.findMap(object, 'totals')),
      isAsleep,
      setDraining: (isDraining) => setVariable('draining', isDraining),
      setShared: (isShared) => setVariable('shared', isShared),
      close: () => {
        pins?.close()
        bpf.closeObject(object)
      },
    }
  } catch (error) {
    bpf.closeObject(object)
    throw error
  }
}

/** `struct pt_regs` on x86-64, `struct user_pt_regs` on arm64. */
const registersSize = process.arch === 'arm64' ? 272 : 168
/** Inode of the machine's own PID namespace (PROC_PID_INIT_INO in linux/proc_ns.h). */
const MACHINE_PID_NAMESPACE = 0xefff_fffcn

/** Whether this process sees the pids that the kernel itself counts by: in a container it mostly does not. */
export function isInMachinePidNamespace(): boolean {
  return statSync('/proc/self/ns/pid', { bigint: true }).ino === MACHINE_PID_NAMESPACE
}

function writeSettings(object: Pointer, layoutOf: ReturnType<typeof readLayouts>, form: Form, ringSize: number): void {
  const { fields } = layoutOf('settings', [
    'registers_size',
    'sleepable',
    'namespace_device',
    'namespace_inode',
    'ring_bytes',
    'wake_bytes',
  ])
  const settings = new DataView(bpf.globalsOf(bpf.findMap(object, '.rodata')))
  settings.setUint32(fields.registers_size.offset, registersSize, true)
  settings.setUint32(fields.sleepable.offset, Number(form.sleepable), true)
  settings.setBigUint64(fields.ring_bytes.offset, BigInt(ringSize), true)
  settings.setBigUint64(fields.wake_bytes.offset, BigInt(ringSize / 4), true)
  const namespace = statSync('/proc/self/ns/pid', { bigint: true })
  if (namespace.ino === MACHINE_PID_NAMESPACE) return
  settings.setBigUint64(fields.namespace_device.offset, namespace.dev, true)
  settings.setBigUint64(fields.namespace_inode.offset, namespace.ino, true)
}

/** The last form asks least of the kernel, so what it met with is the reason. */
function explain(refusals: readonly Error[], warnings: readonly string[], ringSize: number): Error {
  const reason = refusals.at(-1)
  const details = reason && isGeneral(reason) ? [reason.message] : [...refusals.map(({ message }) => message), ...warnings]
  const cause = new AggregateError(refusals, [...new Set(details)].join('; '))
  return new Error(explainLoad(errnoOf(reason), readKernelFacts(), ringSize), { cause })
}

function isGeneral(error: Error): boolean {
  const errno = errnoOf(error)
  return errno !== undefined && loadErrors.has(errno)
}

function errnoOf(error: Error | undefined): number | undefined {
  return error instanceof SystemError ? error.errno : undefined
}
