import type { AgentProcess, LogLine } from '../harness/agent.ts'

/** Log lines about pushing, and about other faults; but not that a test beside this one runs a node. */
export const pushLog = ({ log }: AgentProcess): readonly LogLine[] =>
  log.filter(({ level, msg }) => (level !== 'info' || msg.includes('push')) && !msg.startsWith('no bitcoind is running; pid '))
