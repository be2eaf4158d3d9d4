import { expect, it } from 'vitest'
import type { NodeSnapshot } from '../../agent/nodes/snapshot.ts'
import { statusOf } from '../../agent/service-manager.ts'

const node = (isUp: boolean, connected: number) => ({ isUp, connected }) as NodeSnapshot

it('says in one line how many nodes are measured, how many blocks they had, and what is wrong', () => {
  const well = { ready: true, reasons: [] }
  expect(statusOf({ nodes: [node(true, 1)], readiness: well, warnings: [] })).toBe('1 node, 1 block; no faults')
  expect(
    statusOf({ nodes: [node(true, 5), node(false, 7)], readiness: { ready: false, reasons: ['b: down'] }, warnings: ['disk\nfull'] }),
  ).toBe('1 node, 12 blocks; 2 faults: b: down')
  expect(statusOf({ nodes: [], readiness: well, warnings: ['disk\nfull'] })).toBe('0 nodes, 0 blocks; 1 fault: disk full')
})
