import { defineBlockTracepoint, hashPrefix, integer } from './define.ts'

export const blockHeaderChunk = defineBlockTracepoint({
  probe: 'udp:block_header_chunk',
  group: 'fibre',
  description:
    'The first header chunk of a block was worked on. It can come after the race, and some builds fire it only under `debug=bench`.',
  args: {
    hashPrefix: hashPrefix('First 8 little-endian bytes of the hash.'),
    queueUs: integer('Waiting in the queue, in µs.'),
    mapsUs: integer('Looking up the block, in µs.'),
    chunkUs: integer('Adding the chunk, in µs.'),
    finishUs: integer('Finishing, in µs.'),
  },
})
