import { describe, expect, it } from 'vitest'
import { checkCapacity } from '../../../../../agent/sources/ebpf/program/record-values.ts'
import {
  defineTracepoint,
  type Fields,
  hexHash,
  integer,
  knownTexts,
  longText,
  type Tracepoint,
  text,
} from '../../../../../agent/tracepoints/define.ts'
import { tracepoints } from '../../../../../agent/tracepoints/index.ts'
import { readObjectLayouts } from '../kernel-structs.ts'

const layouts = readObjectLayouts()

const named = (kind: typeof integer | typeof text, count: number): Fields =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, kind('An argument.')]))
const wide = { probe: 'demo:wide', group: 'fibre', description: '' } as const
const check = (tracepoint: Tracepoint) => () => checkCapacity(layouts, [...tracepoints, tracepoint])

const noRoom = (names: string) => `a record of the kernel program has no room for all arguments of demo:wide (${names})`

describe('the arguments of a tracepoint', () => {
  it.each<[what: string, args: Fields]>([
    ['twelve numbers', named(integer, 12)],
    ['three texts', named(text, 3)],
    ['two texts and a long one', { ...named(text, 2), long: longText('Long.') }],
  ])('fit a record: %s', (_, args) => {
    expect(check(defineTracepoint({ ...wide, args }))).not.toThrow()
  })

  it.each<[what: string, args: Fields, names: string]>([
    ['thirteen numbers', named(integer, 13), 'a12'],
    ['four texts', named(text, 4), 'a3'],
    ['a hash behind a text and a long one', { ...named(text, 1), long: longText('Long.'), hash: hexHash('Hash.') }, 'hash'],
  ])('that do not fit are refused by their names: %s', (_, args, names) => {
    expect(check(defineTracepoint({ ...wide, args }))).toThrow(noRoom(names))
  })

  it('that is counted in the kernel are not recorded, so they need not fit a record; but they are no more than twelve', () => {
    expect(check(defineTracepoint({ ...wide, args: named(text, 12), counted: {} }))).not.toThrow()
    expect(check(defineTracepoint({ ...wide, args: named(text, 13), counted: {} }))).toThrow(noRoom('a12'))
  })

  it('that is counted and recorded have to fit', () => {
    const both = { counted: { by: { a0: knownTexts(['one']) } }, recorded: { where: 'a0', is: ['one'] } } as const
    expect(check(defineTracepoint({ ...wide, args: { a0: text('A.'), ...named(text, 3) }, ...both }))).not.toThrow()
    expect(check(defineTracepoint({ ...wide, args: { a0: text('A.'), ...named(text, 4) }, ...both }))).toThrow(noRoom('a3'))
  })
})
