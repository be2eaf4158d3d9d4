import { expect, it } from 'vitest'
import { queueClose } from '../../../../../agent/sources/ebpf/attach/close-queue.ts'

it('closes three at once, so that one thread is left for files, and the others as these are done', async () => {
  const running: (() => void)[] = []
  const closed: number[] = []
  const all = Array.from({ length: 5 }, (_, i) => queueClose((done) => running.push(done)).then(() => closed.push(i)))
  expect(running).toHaveLength(3)
  running[1]?.()
  expect(running).toHaveLength(4)
  await all[1]
  expect(closed).toEqual([1])
  for (let i = 0; i < 5; i++) if (i !== 1) running[i]?.()
  await Promise.all(all)
  expect(closed).toEqual([1, 0, 2, 3, 4])
})
