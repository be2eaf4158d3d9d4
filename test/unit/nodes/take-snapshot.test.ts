import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openCapture } from '../../../agent/capture/capture.ts'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import { BLOCKLESS } from '../../../agent/nodes/readiness.ts'
import { type SnapshotParts, takeSnapshot } from '../../../agent/nodes/take-snapshot.ts'
import { blocklessTracepoints } from '../../../agent/settings/check.ts'
import type { Group } from '../../../agent/tracepoints/define.ts'
import { tracepointsOf } from '../../../agent/tracepoints/index.ts'
import { captureLog, silentLog } from '../../harness/captured-log.ts'
import { mountMemory } from '../../harness/mounted.ts'
import { until } from '../../harness/until.ts'
import { eventOf } from '../blocks/events.ts'
import { idleSource } from '../metrics/page.ts'
import { HASH } from '../sources/recordings.ts'

/** The warnings of an agent with these files, and no others. */
function warnings(
  files: Partial<Pick<SnapshotParts, 'journal' | 'webhook' | 'capture' | 'logFile' | 'settingsFault' | 'blockless'>>,
  nodes = noNodes(),
): readonly string[] {
  const agent = { version: '1.2.3', startedAt: new Date(), isUp: true, pushing: undefined, processes: undefined }
  const none = { journal: undefined, webhook: undefined, capture: undefined, logFile: undefined }
  return takeSnapshot({ ...agent, ...none, ...files, nodes, source: idleSource }).warnings
}

const noNodes = () => new Nodes(idleSource, [], { log: silentLog })

it('warns while a recording cannot be written', async (context) => {
  const file = join(mountMemory(context), 'events.jsonl')
  const filler = join(dirname(file), 'filler')
  const capture = await openCapture({ file, log: silentLog, retryMs: 20 })
  onTestFinished(() => capture.close())
  expect(warnings({ capture })).toEqual([])
  expect(() => writeFileSync(filler, Buffer.alloc(2 ** 17))).toThrow('ENOSPC')
  capture.record(eventOf('udp:block_send_start', { blockHash: HASH, startUs: 1 }))
  await until(() => capture.fault !== undefined, 'the fault')
  expect(warnings({ capture })).toEqual(['The recording cannot be written: the disk is full: make room there'])
  rmSync(filler)
  await until(() => capture.fault === undefined, 'the event to be written')
  expect(warnings({ capture })).toEqual([])
})

it('warns of a node that had FIBRE and has lost it', () => {
  const nodes = new Nodes(idleSource, [], { log: silentLog })
  const process = { node: 'n', pid: 1, executable: '/usr/bin/bitcoind' }
  const node = nodes.add('n')
  const attach = (probes: readonly string[]) => {
    node.processStarted(process)
    node.attached({
      probes: probes.map((probe) => ({ probe, offered: true, attached: true })),
      silentProbes: () => [],
      close: async () => {},
    })
  }
  attach(['udp:block_race_time', 'validation:block_connected'])
  expect(warnings({}, nodes)).toEqual([])
  attach(['validation:block_connected'])
  expect(warnings({}, nodes)).toEqual([expect.stringMatching(/^n: this bitcoind has none of the tracepoints of FIBRE, which/)])
})

it('warns of a node without FIBRE of which validation is not measured', () => {
  const warned = (groups: readonly Group[]) => {
    const tracepoints = tracepointsOf(groups)
    const { log, lines } = captureLog()
    const attach = () => {
      const probes = tracepoints.map(({ probe, group }) => ({ probe, offered: group !== 'fibre', attached: group !== 'fibre' }))
      return { probes, silentProbes: () => [], close: async () => {} }
    }
    const nodes = new Nodes({ ...idleSource, attach }, [], { log, tracepoints })
    nodes.processStarted({ node: 'n', pid: 1, executable: '/usr/bin/bitcoind' })
    expect(lines.filter(({ msg }) => msg === BLOCKLESS)).toHaveLength(warnings({}, nodes).length)
    return warnings({}, nodes)
  }
  expect(warned(['fibre', 'mempool'])).toEqual([`n: ${BLOCKLESS}`])
  expect(warned(['fibre', 'validation', 'mempool'])).toEqual([])
})

it('warns of settings with which no block is measured', () => {
  const blockless = blocklessTracepoints({ tracepoints: ['mempool'] })
  expect(warnings({ blockless })).toEqual([expect.stringMatching(/^--tracepoints: no blocks are measured by mempool alone.*auto,mempool/)])
})

it('warns of every file of which SIGHUP brings nothing new', () => {
  const kept = { fault: undefined, keptBy: 'its folder does not exist' }
  const state = { isFailing: false, delivered: 0, failed: 0, pending: 0, givenUp: 0, refused: 0 }
  const webhook = { state, headersFault: 'must hold one "Name: value" a line, in ASCII' }
  expect(warnings({ webhook, capture: kept, logFile: kept, settingsFault: 'a.yaml:1:1 (prot): there is no such setting' })).toEqual([
    `The webhook's headers cannot be read anew, still using the old ones: ${webhook.headersFault}`,
    `The recording cannot be opened anew, going on in the old one: ${kept.keptBy}`,
    `The log cannot be opened anew, going on in the old one: ${kept.keptBy}`,
    'The settings cannot be read anew, still using the old ones: a.yaml:1:1 (prot): there is no such setting',
  ])
})

it('warns of every file that cannot be written', () => {
  const fault = 'the disk is full: make room there'
  const state = { isFailing: true, delivered: 0, failed: 1, pending: 2, givenUp: 0, refused: 0 }
  const journal = { state: { written: new Map(), failed: 1 }, fault }
  const file = { fault, keptBy: undefined }
  expect(warnings({ journal, webhook: { state, headersFault: undefined }, capture: file, logFile: file })).toEqual([
    `The journal cannot be written: ${fault}`,
    'The webhook does not take slow blocks; waiting: 2. The log says why.',
    `The recording cannot be written: ${fault}`,
    `The log cannot be written: ${fault}`,
  ])
})
