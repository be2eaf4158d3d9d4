import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer } from '../define.ts'
import { connectionArguments, networks, outboundLabels, outboundTypes } from './connections.ts'

export const outboundConnection = defineTracepoint({
  probe: 'net:outbound_connection',
  group: 'net',
  description: 'The node connected to a peer. Since Bitcoin Core 29.',
  args: { ...connectionArguments, connections: integer('Outbound connections before this one.') },
  counted: { by: { network: networks, connectionType: outboundTypes } },
  metrics: ({ counter }) => [
    counter('bitcoin_outbound_connections_total', {
      help: 'Total connections that the node opened to peers, by network and type',
      labels: outboundLabels,
      measure: ({ count, labels: { network, connectionType: type } }) => sample(count, { network, type }),
    }),
  ],
})
