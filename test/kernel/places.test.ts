import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { Listener, requireBpf, total, unattached } from '../harness/listening.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const probe = 'udp:block_send_start'

/** A node with 100 places of one tracepoint. */
function compileManyPlaces(): string {
  const binary = stage().path('many-places')
  execFileSync('clang', ['-O2', '-Wall', '-Werror', join(import.meta.dirname, 'many-places.c'), '-o', binary])
  return binary
}

it('a process gets 64 places at most, so that it takes none of another one: ten such nodes, and a usual one', async () => {
  await using greedy = await startDemoNode({ binary: compileManyPlaces(), args: ['--control'] })
  await using usual = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener()
  const attachments = Array.from({ length: 10 }, (_, i) => listener.attach(greedy, `greedy ${i}`))
  for (const { probes } of attachments)
    expect(probes.find((state) => state.probe === probe)).toEqual({
      probe,
      offered: true,
      attached: true,
      missingPlaces: ['a process may have 64 places: 36 of this tracepoint are left out'],
    })
  expect(unattached(listener.attach(usual, 'usual'))).toEqual([])

  await greedy.command('fire')
  const { events } = await usual.command('blocks 10')
  const heardOf = (name: RegExp) => listener.heard.filter(({ event }) => name.test(event.node)).length
  await until(() => listener.heard.length >= 640 + total(events), 'all events')
  expect(heardOf(/^greedy/)).toBe(640)
  expect(heardOf(/^usual/)).toBe(total(events))
})

it('a place that was discarded by the linker costs itself, not the other places of its tracepoint', async () => {
  const binary = compileManyPlaces()
  const bytes = readFileSync(binary)
  const location = bytes.indexOf('udp\0block_send_start\0') - 24 // three addresses before the names: of the place, the base, the semaphore
  bytes.writeBigUInt64LE(0n, location)
  writeFileSync(binary, bytes)
  await using node = await startDemoNode({ binary, args: ['--control'] })
  await using listener = new Listener()
  const state = listener.attach(node).probes.find((known) => known.probe === probe)
  expect(state).toMatchObject({ attached: true, missingPlaces: ['no nop instruction at offset 0x0 of the binary', expect.any(String)] })
  await node.command('fire')
  await until(() => listener.heard.length >= 64, 'the events of the other places')
  expect(listener.heard).toHaveLength(64)
})
