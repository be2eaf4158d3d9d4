import { tracepoints } from '../tracepoints/index.ts'
import { agentMetrics, outputMetrics, processMetrics } from './agent-metrics.ts'
import { announcementMetrics, blockMetrics, recordMetrics } from './block-metrics.ts'
import type { MetricDefinition } from './definition.ts'
import { kernelMetrics } from './kernel-metrics.ts'
import { eventDelay, nodeMetrics } from './node-metrics.ts'

/** A metric of a node: each of its series has the label `node` beside those that it declares. */
export type NodeMetric =
  | NonNullable<(typeof tracepoints)[number]['definitions']>[number]
  | (typeof blockMetrics)[keyof typeof blockMetrics][number]
  | (typeof recordMetrics)[number]
  | (typeof announcementMetrics)[number]
  | (typeof nodeMetrics)[number]
  | typeof eventDelay

/** A metric of the agent itself. */
export type AgentMetric =
  | (typeof agentMetrics)[number]
  | (typeof kernelMetrics)[number]
  | (typeof outputMetrics)[number]
  | (typeof processMetrics)[number]

/** Every metric of a node, once. */
export const metricsOfNodes: ReadonlySet<MetricDefinition<never>> = new Set([
  ...tracepoints.flatMap(({ metrics }) => metrics),
  ...Object.values(blockMetrics).flat(),
  ...recordMetrics,
  ...announcementMetrics,
  ...nodeMetrics,
  eventDelay,
])

/** Every metric of the agent itself. */
export const metricsOfAgent: ReadonlySet<MetricDefinition<never>> = new Set([
  ...agentMetrics,
  ...kernelMetrics,
  ...outputMetrics,
  ...processMetrics,
])
