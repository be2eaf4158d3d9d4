import { sample } from '../../metrics/definition.ts'
import { defineTracepoint } from '../define.ts'
import { connectionArguments, connectionLabels, connectionTypes, established, networks } from './connections.ts'

export const closedConnection = defineTracepoint({
  probe: 'net:closed_connection',
  group: 'net',
  description: 'A connection was closed, by whichever side. Since Bitcoin Core 29.',
  args: { ...connectionArguments, established },
  counted: { by: { network: networks, connectionType: connectionTypes } },
  metrics: ({ counter }) => [
    counter('bitcoin_connections_closed_total', {
      help: 'Total connections that were closed, by network and type',
      labels: connectionLabels,
      measure: ({ count, labels: { network, connectionType: type } }) => sample(count, { network, type }),
    }),
  ],
})
