import { defineBlockTracepoint, hexHash, longText } from './define.ts'

export const blockCoinbase = defineBlockTracepoint({
  probe: 'udp:block_coinbase',
  group: 'fibre',
  description: "The coinbase of a block that is being received, before the block is complete: it holds the pool's tag.",
  args: {
    blockHash: hexHash('Hash of the block.'),
    scriptSig: longText('Script of the coinbase input, in hex: at most 200 digits.'),
  },
})
