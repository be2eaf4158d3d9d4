import { expect, it } from 'vitest'
import { chooseSites, MAX_SITES } from '../../../../../agent/sources/ebpf/attach/sites.ts'
import type { Site } from '../../../../../agent/sources/ebpf/binary/notes.ts'
import { blockConnected } from '../../../../../agent/tracepoints/block-connected.ts'
import { blockSendStart } from '../../../../../agent/tracepoints/block-send-start.ts'

const known = [blockSendStart, blockConnected]

const siteOf = ({ probe }: { readonly probe: string }, offset: bigint, differences: Partial<Site> = {}): Site => {
  const [provider = '', name = ''] = probe.split(':')
  const places = { address: offset, offset, semaphoreOffset: 0n, semaphoreAddress: 0n }
  return { provider, name, ...places, arguments: [], isNop: true, ...differences }
}
const sitesOf = (tracepoint: { readonly probe: string }, count: number, differences: Partial<Site> = {}) =>
  Array.from({ length: count }, (_, i) => siteOf(tracepoint, BigInt(0x1000 + i), differences))

const choose = (...sites: readonly Site[]) =>
  chooseSites(known, { machine: 'x64', entry: 0n, sites }).map(({ isOffered, sites, faults }) => ({
    isOffered,
    places: sites.length,
    faults,
  }))

const absent = { isOffered: false, places: 0, faults: [] }

it('takes all places of a tracepoint, and none of a tracepoint that the binary does not have or that is not known', () => {
  expect(choose(...sitesOf(blockConnected, 3), ...sitesOf({ probe: 'other:thing' }, 2))).toEqual([
    absent,
    { isOffered: true, places: 3, faults: [] },
  ])
})

it('leaves out a place without a nop, as of a copy that the linker discarded, and keeps the tracepoint', () => {
  expect(choose(...sitesOf(blockConnected, 2), siteOf(blockConnected, 0n, { isNop: false }))).toEqual([
    absent,
    { isOffered: true, places: 2, faults: ['no nop instruction at offset 0x0 of the binary'] },
  ])
})

it('leaves out a place whose semaphore is at an odd address, which the kernel never takes', () => {
  expect(choose(siteOf(blockConnected, 0x10n, { semaphoreOffset: 0x2001n }))).toEqual([
    absent,
    { isOffered: true, places: 0, faults: ['the semaphore of offset 0x10 of the binary is at an odd address'] },
  ])
})

it('tells of a few bad places and counts the others', () => {
  const [, { faults = [] } = {}] = choose(...sitesOf(blockConnected, 1000, { isNop: false }))
  expect(faults).toEqual([
    'no nop instruction at offset 0x1000 of the binary',
    'no nop instruction at offset 0x1001 of the binary',
    '998 other places likewise',
  ])
})

it('gives a process 64 places at most, to each tracepoint as many as to the others', () => {
  expect(MAX_SITES).toBe(64)
  const tooMany = (count: number) => [`a process may have 64 places: ${count} of this tracepoint are left out`]
  expect(choose(...sitesOf(blockConnected, 5000), ...sitesOf(blockSendStart, 2))).toEqual([
    { isOffered: true, places: 2, faults: [] },
    { isOffered: true, places: 62, faults: tooMany(4938) },
  ])
  expect(choose(...sitesOf(blockConnected, 500), ...sitesOf(blockSendStart, 500))).toEqual([
    { isOffered: true, places: 32, faults: tooMany(468) },
    { isOffered: true, places: 32, faults: tooMany(468) },
  ])
})
