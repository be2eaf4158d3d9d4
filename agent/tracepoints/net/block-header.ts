import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer, knownNumbers, rawHash } from '../define.ts'

/** By 0 and 1. */
const messages = knownNumbers('headers', 'cmpctblock')

export const blockHeader = defineTracepoint({
  probe: 'net:block_header',
  group: 'net',
  description: 'The header of a block that was not known.',
  proposedIn: 'bitcoin/bitcoin#35368',
  args: {
    height: integer('Height of the block.'),
    peer: integer('Number of the peer that sent it.'),
    byCompactBlock: integer('1 if it came with a compact block, else 0.'),
    blockHash: rawHash('Hash of the block.'),
  },
  counted: { by: { byCompactBlock: messages } }, // recorded they would be 900,000 while a new node fetches all headers
  metrics: ({ counter }) => [
    counter('bitcoin_new_block_headers_total', {
      help: 'Total headers of blocks that were not known, by the message that brought them',
      labels: { message: ['headers', 'cmpctblock'] },
      measure: ({ count, labels: { byCompactBlock: message } }) => (message === 'other' ? undefined : sample(count, { message })),
    }),
  ],
})
