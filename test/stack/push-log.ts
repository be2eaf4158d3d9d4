import { type AgentProcess, complaints, type LogLine } from '../harness/agent.ts'

/** Log lines about pushing, and about other faults; but not that a test beside this one runs a node. */
export function pushLog({ log }: AgentProcess): readonly LogLine[] {
  const told = complaints(log)
  return log.filter((line) => (told.includes(line) || line.msg.includes('push')) && !line.msg.startsWith('no bitcoind is running; pid '))
}
