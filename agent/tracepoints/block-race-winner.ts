import { defineBlockTracepoint, integer, rawHash, text } from './define.ts'
import { lastBlockHeight } from './last-block-height.ts'

export const blockRaceWinner = defineBlockTracepoint({
  probe: 'udp:block_race_winner',
  group: 'fibre',
  required: true,
  eventType: 'race_winner',
  description: 'The mechanism that delivered a block that was just connected.',
  args: {
    blockHash: rawHash('Hash of the block.'),
    height: integer('Height of the block.'),
    winner: text('`FIBRE/UDP`, `BIP152/CMPCTBLOCK` or another.'),
    winnerPeer: text('Peer that delivered it, or `n/a`.'),
  },
  metrics: () => [lastBlockHeight],
})
