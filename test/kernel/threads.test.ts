import { beforeEach, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { requireBpf } from '../harness/listening.ts'
import { compareThreads, compareTotals } from './threads.ts'

beforeEach(requireBpf)

/** Hits of several threads preempt each other inside the kernel program: none may get at another's arguments. */
it.for([
  { threads: 3, events: 36_000 },
  { threads: 8, events: 12_000 },
])('what $threads threads fire at once arrives as it was fired, every field', async ({ threads, events }) => {
  const right = { fired: events, heard: events, lost: 0, mixed: 0, miscounted: [] }
  expect(await compareThreads({ threads, events, forms: forms.slice(0, 1), patienceMs: 10_000 })).toMatchObject(right)
})

it('what eight threads fire at once is counted to the hit, by text and number', async () => {
  const { labels, counted, expected } = await compareTotals({ threads: 8, events: 12_000, forms: forms.slice(0, 1), patienceMs: 10_000 })
  expect(labels).toBeGreaterThan(8)
  expect(counted).toEqual(expected)
})
