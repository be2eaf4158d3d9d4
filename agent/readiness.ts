import type { Health } from './http/status.ts'
import type { Node } from './node.ts'

/** Unread events older than this mean that reading has stopped or cannot keep up. */
const BACKLOG_SECONDS = 5

/** Whether everything that should be measured is, and if not, what is wrong. Silence alone is never a fault. */
export function readiness(nodes: readonly Node[], backlogSeconds: number, named: readonly string[]): Health {
  const reasons: string[] = []
  if (!nodes.some(({ isUp }) => isUp)) reasons.push('no bitcoind is running; waiting for one')
  else
    for (const name of named) if (!nodes.some(({ node, isUp }) => node === name && isUp)) reasons.push(`${name}: bitcoind is not running`)
  for (const node of nodes.filter(({ isUp }) => isUp)) reasons.push(...faultsOf(node).map((fault) => `${node.node}: ${fault}`))
  if (backlogSeconds > BACKLOG_SECONDS)
    reasons.push(`events have been waiting to be read for ${Math.round(backlogSeconds)} s: the agent has too little CPU time`)
  return { ready: reasons.length === 0, reasons }
}

function faultsOf(node: Node): readonly string[] {
  if (node.attachError !== undefined) return [node.attachError]
  const missing = node.probes.filter(({ attached }) => !attached).map(({ probe, reason }) => `${probe} is not attached: ${reason}`)
  const silent = node.attachment?.silentProbes().map((probe) => `${probe} is attached but its semaphore is 0: it will not fire`)
  return [...missing, ...(silent ?? [])]
}
