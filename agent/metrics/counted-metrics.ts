import type { Snapshot } from '../nodes/snapshot.ts'
import type { Total } from '../sources/totals.ts'
import type { Hits } from '../tracepoints/define.ts'
import { countedTracepoints } from '../tracepoints/index.ts'
import { type MetricDefinition, type ObservedMetrics, observed } from './definition.ts'

/** The nodes, and the hits that were counted of them. */
interface CountedState {
  readonly snapshot: Pick<Snapshot, 'nodes'>
  readonly totals: readonly Total[]
}

/** Metrics of the tracepoints whose hits are counted. One that stands in several of them adds up what these count. */
export const countedMetrics = [...new Set(countedTracepoints.flatMap(({ metrics }) => metrics))].map(observedIn)

/** Of nodes whose executable has such a tracepoint, the last one where none runs: what is not looked at is not 0. */
function observedIn(definition: MetricDefinition<never>): ObservedMetrics<CountedState> {
  const probes = new Set(countedTracepoints.filter(({ metrics }) => metrics.includes(definition)).map(({ probe }) => probe))
  return observed([definition as MetricDefinition<Hits>], ({ snapshot: { nodes }, totals }) => {
    const byNode = Map.groupBy(
      totals.filter(({ probe }) => probes.has(probe)),
      ({ node }) => node,
    )
    return nodes.flatMap(({ node, probes: states }) => {
      const isCounted = byNode.has(node) || states.some(({ probe }) => probes.has(probe))
      return isCounted ? { node, subjects: byNode.get(node) ?? [] } : []
    })
  })
}
