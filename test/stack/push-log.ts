import type { AgentProcess, LogLine } from '../harness/agent.ts'

/** What an agent has to say of pushing, and whatever else is not well; but not that a test beside this one runs a node. */
export const pushLog = ({ log }: AgentProcess): readonly LogLine[] =>
  log.filter(({ level, msg }) => (level !== 'info' || msg.includes('push')) && !msg.startsWith('no bitcoind is running; pid '))
