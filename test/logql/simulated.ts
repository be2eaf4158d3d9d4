import { parseEntry } from '../stack/debug-log.ts'
import { agentLogOf, debugLogOf } from '../stack/model/debug-log.ts'
import { simulateFleet } from '../stack/model/fleet.ts'
import { journalRecord } from '../stack/model/journal.ts'
import type { Line } from './pipeline.ts'

const DAY = 86_400

/** Three days of several nodes: what their journals, and debug.log and the agent's log of one, come to in a log store. */
export const fleet = simulateFleet({ seed: 7, end: Date.UTC(2026, 2, 4) / 1000, days: 3 })
export const ofNode = (name: string) => fleet.arrivals.filter(({ node }) => node === name)
export const lastDay = fleet.arrivals.filter(({ connectedAt }) => connectedAt >= fleet.end - DAY)
export const debugLog = debugLogOf(ofNode('alpha'), fleet.end, 0)
export const agentLog = agentLogOf(fleet.end)

export const lines: readonly Line[] = [
  ...debugLog.map(({ at, text }) => ({
    seconds: at,
    text,
    stream: { job: 'bitcoin', node: 'alpha', service_name: 'bitcoind' },
    fields: texts(parseEntry(text, { timestamps: false, threadNames: false, sourceLocations: false }).fields),
  })),
  ...agentLog.map(({ at, text }) => {
    const { node, time: _, ...fields } = JSON.parse(text)
    return { seconds: at, text, stream: { job: 'fibre-agent', node, service_name: 'fibre-agent' }, fields: texts(fields) }
  }),
  ...fleet.arrivals.map((arrival) => {
    const record = journalRecord(arrival, 0)
    const { node, time: _, ...fields } = record
    return {
      seconds: arrival.connectedAt,
      text: JSON.stringify(record),
      stream: { job: 'fibre-blocks', node: `${node}`, service_name: 'fibre-agent' },
      fields: texts(fields),
    }
  }),
]

function texts(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, `${value}`]))
}
