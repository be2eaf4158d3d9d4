import { expect, it } from 'vitest'
import type { Total } from '../../../agent/sources/totals.ts'
import { idleSource, openPage } from './page.ts'

/** A page of nodes, of which the source has counted this so far. */
async function openCounted(nodes: readonly string[]) {
  const counted: Total[] = []
  const forgotten: string[] = []
  const source = { ...idleSource, totals: () => counted, forget: (node: string) => void forgotten.push(node) }
  const page = await openPage({ nodes, source })
  const shown = async () => {
    const scrape = await page.scrape()
    const ofNode = (node: string) => ['', 'vbytes_'].map((what) => scrape.value(`bitcoin_mempool_added_${what}total`, { node }))
    return Object.fromEntries(['a', 'b', 'c'].map((node) => [node, ofNode(node)]))
  }
  return { ...page, counted, forgotten, shown }
}

const added = (node: string, count: number, vsize: number): Total => ({ node, probe: 'mempool:added', label: '', count, sums: { vsize } })

it('shows of each node what was counted, 0 before there is anything, and nothing of a node that is not known', async () => {
  const { counted, shown } = await openCounted(['a', 'b'])
  const none = [undefined, undefined]
  expect(await shown()).toEqual({ a: [0, 0], b: [0, 0], c: none })
  counted.push(added('b', 3, 450), added('c', 1, 140), { ...added('a', 9, 9), probe: 'net:another' })
  expect(await shown()).toEqual({ a: [0, 0], b: [3, 450], c: none })
  counted.splice(0, 1, added('b', 5, 800))
  expect(await shown()).toEqual({ a: [0, 0], b: [5, 800], c: none })
})

it('takes the series of a node off that is forgotten, and has the source forget it', async () => {
  const { nodes, counted, forgotten, shown } = await openCounted(['a', 'b'])
  counted.push(added('a', 1, 110), added('b', 3, 450))
  await shown()
  nodes.remove('b')
  expect(forgotten).toEqual(['b'])
  expect(await shown()).toMatchObject({ a: [1, 110], b: [undefined, undefined] })
})
