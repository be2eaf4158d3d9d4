import type { Finding } from './bitcoind/faults.ts'
import type { Health } from './http/status.ts'
import type { Node } from './node.ts'

/** Unread events older than this mean that reading has stopped or cannot keep up. */
const BACKLOG_SECONDS = 5

/** Whether everything that should be measured is, and if not, what is wrong. Silence alone is never a fault. */
export function readiness(nodes: readonly Node[], backlogSeconds: number, findings: readonly Finding[]): Health {
  const reasons = [...processFaults(nodes, findings)]
  for (const node of nodes.filter(({ isUp }) => isUp)) reasons.push(...faultsOf(node).map((fault) => `${node.node}: ${fault}`))
  if (backlogSeconds > BACKLOG_SECONDS)
    reasons.push(`events have been waiting to be read for ${Math.round(backlogSeconds)} s: the agent has too little CPU time`)
  return { ready: reasons.length === 0, reasons }
}

/** A node that is known is a reason while it is down; one that nobody named is not known for ever. */
function processFaults(nodes: readonly Node[], findings: readonly Finding[]): readonly string[] {
  const ofNode = new Map(findings.filter(({ node }) => node !== undefined).map(({ node, text }) => [node, text]))
  const others = findings.filter(({ node }) => node === undefined).map(({ text }) => text)
  const isAnyUp = nodes.some(({ isUp }) => isUp)
  const down = nodes.filter(({ node, isUp, wasUp }) => !isUp && (isAnyUp || ofNode.has(node) || (wasUp && others.length > 0)))
  const reasons = [...down.map(({ node }) => `${node}: ${ofNode.get(node) ?? 'bitcoind is not running'}`), ...others]
  return isAnyUp || reasons.length > 0 ? reasons : ['no bitcoind is running; waiting for one']
}

function faultsOf(node: Node): readonly string[] {
  if (node.attachError !== undefined) return [node.attachError]
  const missing = node.probes.filter(({ attached }) => !attached).map(({ probe, reason }) => `${probe} is not attached: ${reason}`)
  const silent = node.attachment?.silentProbes().map((probe) => `${probe} is attached but its semaphore is 0: it will not fire`)
  return [...missing, ...(silent ?? [])]
}
