import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer } from '../define.ts'
import { connectionArguments, networkLabel, networks } from './connections.ts'

export const inboundConnection = defineTracepoint({
  probe: 'net:inbound_connection',
  group: 'net',
  description: 'A peer connected to the node. Since Bitcoin Core 29.',
  args: { ...connectionArguments, connections: integer('Inbound connections before this one.') },
  counted: { by: { network: networks } },
  metrics: ({ counter }) => [
    counter('bitcoin_inbound_connections_total', {
      help: 'Total connections that peers opened to the node, by network',
      labels: networkLabel,
      measure: ({ count, labels: { network } }) => sample(count, { network }),
    }),
  ],
})
