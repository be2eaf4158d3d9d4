import { defineBlockTracepoint, hexHash, integer } from './define.ts'

export const blockSendStart = defineBlockTracepoint({
  probe: 'udp:block_send_start',
  group: 'fibre',
  required: true,
  description: 'The node starts to send a block to its UDP peers: one that it mined, or one that it relays on.',
  args: {
    blockHash: hexHash('Hash of the block.'),
    startUs: integer('Start of the send: wall clock, µs since 1970.'),
  },
  metrics: ({ counter }) => [
    counter('fibre_blocks_sent_total', {
      help: 'Total blocks sent via FIBRE/UDP',
      measure: () => 1,
    }),
  ],
})
