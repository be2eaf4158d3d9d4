import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer, knownTexts, labelValues, text } from '../define.ts'

/** Of Bitcoin Core 29 to 31 (net_processing.cpp). Some go on with a number, such as `addr message size = 1001`. */
const reasons = knownTexts(
  [
    ...['addr message size', 'inv message size', 'getdata message size', 'headers message size'],
    ...['header with invalid proof of work', 'non-continuous headers sequence'],
    ...['invalid header received', 'invalid header via cmpctblock', 'invalid compact block', 'mutated block'],
    ...['getblocktxn with out-of-bounds tx indices', 'too-large bloom filter', 'bad filteradd message'],
  ],
  16,
)

export const misbehavingConnection = defineTracepoint({
  probe: 'net:misbehaving_connection',
  group: 'net',
  description: 'A peer broke the rules of the protocol. Since Bitcoin Core 29.',
  args: { peer: integer('Number of the peer.'), reason: text('What it did.') },
  counted: { by: { reason: reasons } },
  metrics: ({ counter }) => [
    counter('bitcoin_misbehaving_connections_total', {
      help: 'Total times that a peer broke the rules of the protocol, by what it did',
      labels: { reason: labelValues(reasons) },
      measure: ({ count, labels: { reason } }) => sample(count, { reason }),
    }),
  ],
})
