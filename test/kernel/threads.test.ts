import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program.ts'
import { startDemoNode } from '../demo-node.ts'
import { until } from '../until.ts'
import { Listener, requireBpf, total } from './listening.ts'
import { fieldsIn, fieldsOf, readRecording } from './recording.ts'

const directory = mkdtempSync(join(tmpdir(), 'threads-'))
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(requireBpf)

/** Hits of several threads preempt each other inside the kernel program: none may get at another's arguments. */
it.for([
  { threads: 3, rounds: 6 },
  { threads: 8, rounds: 2 },
])('what $threads threads fire at once arrives as it was fired, every field', async ({ threads, rounds }) => {
  for (let round = 0; round < rounds; round++) {
    const recording = join(directory, `${threads}-${round}`)
    await using node = await startDemoNode({ args: ['--control', '--threads', String(threads), '--record', recording] })
    await using listener = new Listener({ forms: forms.slice(0, 1), ringSize: 16 << 20 })
    listener.attach(node)
    const { events } = await node.command('events 6000 0')
    await until(() => listener.heard.length + listener.lost >= total(events), 'the events')

    const told = listener.heard.map(({ event }) => JSON.stringify({ probe: event.probe, ...fieldsIn(event) }))
    const fired = readRecording(recording).map((event) => JSON.stringify({ probe: event.probe, ...fieldsOf(event) }))
    expect(told.sort()).toEqual(fired.sort())
    expect(listener.lost).toBe(0)
  }
})
