import { sample } from '../../metrics/definition.ts'
import { defineTracepoint } from '../define.ts'
import { connectionArguments, established, networkLabel, networks } from './connections.ts'

export const evictedInboundConnection = defineTracepoint({
  probe: 'net:evicted_inbound_connection',
  group: 'net',
  description: 'The node dropped an inbound connection to make room for another. Since Bitcoin Core 29.',
  args: { ...connectionArguments, established },
  counted: { by: { network: networks } },
  metrics: ({ counter }) => [
    counter('bitcoin_inbound_connections_evicted_total', {
      help: 'Total inbound connections that the node dropped to make room for others, by network',
      labels: networkLabel,
      measure: ({ count, labels: { network } }) => sample(count, { network }),
    }),
  ],
})
