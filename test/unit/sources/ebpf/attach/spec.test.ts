import { describe, expect, it } from 'vitest'
import { encodeSpec } from '../../../../../agent/sources/ebpf/attach/spec.ts'
import { parseArguments } from '../../../../../agent/sources/ebpf/binary/arguments.ts'
import type { Site } from '../../../../../agent/sources/ebpf/binary/notes.ts'
import type { Layouts } from '../../../../../agent/sources/ebpf/program/program.ts'
import {
  bytes,
  defineTracepoint,
  hashPrefix,
  hexHash,
  integer,
  knownNumbers,
  knownTexts,
  longText,
  rawHash,
  shortText,
  type Tracepoint,
  text,
} from '../../../../../agent/tracepoints/define.ts'
import { readObjectLayouts } from '../kernel-structs.ts'

const layouts = readObjectLayouts() as Layouts

const siteWith = (text: string): Site => ({
  provider: 'demo',
  name: 'demo',
  address: 0n,
  offset: 0n,
  semaphoreOffset: 0n,
  semaphoreAddress: 0n,
  arguments: parseArguments(text, 'x64'),
  isNop: true,
})

const target = { number: 1, pid: 0x0a0b0c0d, share: 9 }
const recordSpec = (...[of, number, tracepoint, site]: [typeof target, number, Tracepoint, Site]) =>
  encodeSpec(layouts, of, number, tracepoint, site, 0)

const numbers = defineTracepoint({ probe: 'demo:numbers', group: 'net', description: '', args: { a: integer('A.'), b: integer('B.') } })

/** Head of a spec: target, tracepoint, count. */
const headOf = (spec: Buffer) => spec.toString('hex', 0, 12).replace(/(.{8})(.{8})(.{4})/, '$1 $2 $3 ')
/** One of its arguments: place, type, size, base · index, scale, length · offset. */
const argumentOf = (spec: Buffer, i: number) => spec.toString('hex', 16 + 16 * i, 32 + 16 * i).replace(/(.{8})(.{8})/, '$1 $2 ')
const none = '00000000 00000000 0000000000000000'

describe('an argument', () => {
  it.each([
    ['a constant', '4@$2001', '01010400 00000800 d107000000000000'],
    ['a negative constant', '-4@$-7', '01020400 00000800 f9ffffffffffffff'],
    ['a register', '-8@%rdx', '0202080c 00000800 0000000000000000'],
    ['the low part of a register', '1@%al', '0201010a 00000800 0000000000000000'],
    ['memory', '8@96(%rsp)', '03010813 00000800 6000000000000000'],
    ['memory below a register', '-4@-1468(%rbp)', '03020404 00000800 44faffffffffffff'],
    ['memory by an index', '8@8(%rax,%rbx,4)', '0401080a 05020800 0800000000000000'],
    ['a place that cannot be read', '8@%xmm0', '00010000 00000800 0000000000000000'],
  ])('in %s is told to the kernel program: %s', (_, argument, expected) => {
    expect(argumentOf(recordSpec({ number: 0, pid: 0x0a0b0c0d, share: 9 }, 0, numbers, siteWith(argument)), 0)).toBe(expected)
  })

  it.each([
    ['a number', integer('A.'), '02010800 00000800'],
    ['a prefix of a hash', hashPrefix('A.'), '02010800 00000800'],
    ['a text', text('A.'), '02030800 00008000'],
    ['a hash in hex', hexHash('A.'), '02030800 00004800'],
    ['a long text', longText('A.'), '02030800 00000001'],
    ['a hash in bytes', rawHash('A.'), '02040800 00002000'],
    ['a short text', shortText('A.'), '02030800 00002000'],
    ['bytes', bytes(96, 'A.'), '02050800 00006000'],
  ])('that is %s is read as such', (_, field, expected) => {
    const tracepoint = defineTracepoint({ probe: 'demo:one', group: 'net', description: '', args: { field } })
    expect(argumentOf(recordSpec({ number: 0, pid: 0x0a0b0c0d, share: 9 }, 0, tracepoint, siteWith('8@%r15')), 0)).toBe(
      `${expected} 0000000000000000`,
    )
  })
})

describe('a spec', () => {
  it('names its target, its process, its tracepoint, how many arguments follow and its share, and is as long as the struct', () => {
    const spec = recordSpec({ number: 0x01020304, pid: 0x0a0b0c0d, share: 9 }, 5, numbers, siteWith('8@%r15 8@%r14'))
    expect(headOf(spec)).toBe('04030201 0d0c0b0a 0500 0200')
    expect(spec.readUInt32LE(layouts.spec.fields.share.offset)).toBe(9)
    expect(spec).toHaveLength(layouts.spec.size)
  })

  it('has only the arguments that this build passes', () => {
    const spec = recordSpec({ number: 1, pid: 0x0a0b0c0d, share: 9 }, 0, numbers, siteWith('8@%r15'))
    expect([headOf(spec), argumentOf(spec, 1)]).toEqual(['01000000 0d0c0b0a 0000 0100', none])
  })

  it('has only the arguments that we know', () => {
    const spec = recordSpec({ number: 1, pid: 0x0a0b0c0d, share: 9 }, 0, numbers, siteWith('8@%r15 8@%r14 8@%r13'))
    expect([headOf(spec), argumentOf(spec, 2)]).toEqual(['01000000 0d0c0b0a 0000 0200', none])
  })
})

describe('a tracepoint that is counted', () => {
  const args = {
    peer: integer('Peer.'),
    address: text('Address.'),
    message: text('Message.'),
    size: integer('Size.'),
    kind: integer('Kind.'),
  }
  const site = siteWith('8@%r15 8@%r14 8@%r13 8@%r12 4@%ebx')
  const { fields } = layouts.spec

  /** What is counted: totals, labels, sums, bounds, measured · summed · labels by argument, known, length, step. */
  const countingOf = (spec: Buffer) => {
    const label = (i: number) => {
      const at = fields.by.offset + i * fields.by.element
      const { argument, known, length, step } = layouts.label.fields
      return [...[argument, known, length].map(({ offset }) => spec[at + offset]), spec.readUInt16LE(at + step.offset)]
    }
    return {
      totals: spec.readUInt32LE(fields.totals.offset),
      sums: [...spec.subarray(fields.summed.offset, fields.summed.offset + (spec[fields.sums.offset] ?? 0))],
      histogram: [spec[fields.bounds.offset], spec[fields.measured.offset]],
      labels: Array.from({ length: spec[fields.labels.offset] ?? 0 }, (_, i) => label(i)),
      recorded: spec.readBigUInt64LE(fields.recorded.offset),
    }
  }

  it('is told by which texts and numbers, what to add up, and which hits to record', () => {
    const counted = defineTracepoint({
      probe: 'net:messages',
      group: 'net',
      description: '',
      args,
      counted: {
        by: { message: knownTexts(['a', 'b', 'c'], 15), kind: knownNumbers('zero', 'one') },
        sums: ['peer', 'size'],
        histogram: { of: 'size', bounds: [1, 2, 3, 4] },
      },
      recorded: { where: 'message', is: ['a', 'c'] },
    })
    const spec = encodeSpec(layouts, target, 2, counted, site, 77)
    expect(headOf(spec)).toBe('01000000 0d0c0b0a 0200 0500')
    expect(argumentOf(spec, 2)).toBe('02030802 00008000 0000000000000000')
    expect(countingOf(spec)).toEqual({
      totals: 77,
      sums: [0, 3],
      histogram: [4, 3],
      labels: [
        [2, 3, 16, 8], // a row: hits, two sums, five buckets
        [4, 2, 0, 32],
      ],
      recorded: 0b101n,
    })
  })

  it('may have none of these', () => {
    const counted = defineTracepoint({ probe: 'net:messages', group: 'net', description: '', args, counted: {} })
    const spec = encodeSpec(layouts, target, 2, counted, site, 5)
    expect(countingOf(spec)).toEqual({ totals: 5, sums: [], histogram: [0, 0], labels: [], recorded: 0n })
  })
})
