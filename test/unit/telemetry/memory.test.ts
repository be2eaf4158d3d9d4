import { expect, it } from 'vitest'
import { MemoryReturn } from '../../../agent/telemetry/memory.ts'

const MiB = 2 ** 20

/** Looks once a second at these sizes, and tells in which seconds it collected. */
function collectionsAt(sizes: readonly number[], afterCollection: (size: number) => number): readonly number[] {
  let size = 0
  const collections: number[] = []
  const memory = new MemoryReturn(
    () => size * MiB,
    () => {
      collections.push(second)
      size = afterCollection(size)
    },
  )
  let second = 0
  for (; second < sizes.length; second++) {
    size = sizes[second] as number
    memory.look(second * 1_000)
  }
  return collections
}

it('collects once when much has come on top of the least', () => {
  expect(collectionsAt([90, 80, 100, 103, 105, 80, 81], () => 80)).toEqual([4])
})

it('leaves what is in use, and collects again when as much has come on top of that', () => {
  expect(collectionsAt([80, ...Array(60).fill(200), 230], (size) => size)).toEqual([1, 61])
})

it('collects every 20 s at most', () => {
  expect(collectionsAt([80, ...Array(45).fill(200)], () => 80)).toEqual([1, 21, 41])
})
