import { metricBuilders } from '../metrics/definition.ts'

/** Set by every tracepoint that fires for a connected block, since a build may lack any one of them. */
export const lastBlockHeight = metricBuilders<{ readonly height: number | undefined }>().gauge('fibre_last_block_height', {
  help: 'Height of most recently processed block',
  measure: ({ height }) => height,
})
