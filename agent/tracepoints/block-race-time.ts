import { defineBlockTracepoint, integer, rawHash, text } from './define.ts'
import { lastBlockHeight } from './last-block-height.ts'

export const blockRaceTime = defineBlockTracepoint({
  probe: 'udp:block_race_time',
  group: 'fibre',
  required: true,
  eventType: 'race_time',
  description:
    'Time between the first packet of each mechanism and the connection of the block: the mechanism that started first has the larger value.',
  args: {
    blockHash: rawHash('Hash of the block.'),
    height: integer('Height of the block.'),
    udpNs: integer('First UDP packet to block connected, in ns; −1 if none came before.'),
    udpPeer: text('Peer of that packet, or `n/a`.'),
    cmpctNs: integer('First compact-block message to block connected, in ns; −1 if none came before.'),
    cmpctPeer: text('Peer of that message, or `n/a`.'),
  },
  metrics: () => [lastBlockHeight],
})
