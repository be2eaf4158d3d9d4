import { type AgentProcess, complaints, type LogLine } from '../harness/agent.ts'

/** What is no fault of the agent: a node of a test beside this one. */
const isOfMachine = /^no bitcoind is running; pid /

/** Log lines about pushing, and about other faults. */
export function pushLog({ log }: AgentProcess): readonly LogLine[] {
  const told = complaints(log)
  return log.filter((line) => (told.includes(line) || line.msg.includes('push')) && !isOfMachine.test(line.msg))
}
