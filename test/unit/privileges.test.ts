import { beforeEach, expect, it, vi } from 'vitest'
import { keepCapabilities, permittedCapabilities } from '../../agent/native/capabilities.ts'
import type { NodeSnapshot } from '../../agent/nodes/snapshot.ts'
import { Privileges } from '../../agent/privileges.ts'
import { captureLog } from '../harness/captured-log.ts'
import { idleSource } from './metrics/page.ts'

// The real ones would take the capabilities of all tests in this process; kernel/capabilities.test.ts has them.
vi.mock('../../agent/native/capabilities.ts', () => ({ keepCapabilities: vi.fn(), permittedCapabilities: vi.fn() }))
beforeEach(() => void vi.resetAllMocks())

const attached = { isUp: true, attachError: undefined, probes: [{ probe: 'a:1', offered: true, attached: true }] } as const
const down = { ...attached, isUp: false, probes: [{ probe: 'a:1', offered: false, attached: false }] }
const refused = { ...attached, probes: [...attached.probes, { probe: 'a:2', offered: true, attached: false, refused: true }] }

function open(nodes: readonly Partial<NodeSnapshot>[]) {
  const { log, lines } = captureLog()
  const seal = vi.fn()
  const privileges = new Privileges({ nodes: () => nodes as NodeSnapshot[], source: { ...idleSource, seal }, log })
  return { privileges, seal, lines }
}

it.for<[string, readonly Partial<NodeSnapshot>[]]>([
  ['no node is known', []],
  ['one of several is down', [attached, down]],
  ['one could not be attached to', [attached, { ...attached, attachError: 'no' }]],
  ['a tracepoint is tried again', [refused]],
])('keeps capabilities while %s', ([, nodes]) => {
  const { privileges, seal } = open(nodes)
  privileges.tick()
  expect(keepCapabilities).not.toHaveBeenCalled()
  expect(seal).not.toHaveBeenCalled()
})

it('gives them up when all are attached, and says so when no thread has any left', () => {
  const { privileges, seal, lines } = open([attached])
  const PERFMON = 1n << 38n
  vi.mocked(permittedCapabilities).mockReturnValue(PERFMON)
  privileges.tick()
  expect(keepCapabilities).toHaveBeenCalledExactlyOnceWith(0n)
  expect(seal).toHaveBeenCalledWith(expect.stringContaining('restart it'))
  for (let second = 0; second < 10; second++) privileges.tick()
  expect(keepCapabilities).toHaveBeenCalledTimes(5)
  expect(privileges.faults).toEqual([expect.stringMatching(/^Capabilities cannot be given up: a thread/)])
  vi.mocked(permittedCapabilities).mockReturnValue(0n)
  for (let second = 0; second < 3; second++) privileges.tick()
  expect(privileges.faults).toEqual([])
  expect(lines.map(({ msg }) => msg)).toEqual([
    'cannot give up capabilities',
    'capabilities given up; when bitcoind is restarted, restart the agent, too',
  ])
})

it('goes on with them where the kernel refuses to take them, and can attach again', () => {
  const { privileges, seal, lines } = open([attached])
  vi.mocked(permittedCapabilities).mockReturnValue(1n << 38n)
  vi.mocked(keepCapabilities).mockImplementation(() => {
    throw new Error('capset: Operation not permitted')
  })
  for (let second = 0; second < 3; second++) privileges.tick()
  expect(seal).not.toHaveBeenCalled()
  expect(privileges.faults).toEqual([expect.stringContaining('capset')])
  expect(lines).toHaveLength(1)
})
