import { type AgentProcess, complaints, type LogLine } from '../harness/agent.ts'

/** What is no fault of the agent: a node of a test beside this one, and that collecting took a busy machine what an interval of a second leaves for it. */
const isOfMachine = /^(no bitcoind is running; pid |PeriodicExportingMetricReader: metrics export timed out)/

/** Log lines about pushing, and about other faults. */
export function pushLog({ log }: AgentProcess): readonly LogLine[] {
  const told = complaints(log)
  return log.filter((line) => (told.includes(line) || line.msg.includes('push')) && !isOfMachine.test(line.msg))
}
