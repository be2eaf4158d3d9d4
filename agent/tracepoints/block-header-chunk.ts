import { defineBlockTracepoint, hashPrefix, integer } from './define.ts'

export const blockHeaderChunk = defineBlockTracepoint({
  probe: 'udp:block_header_chunk',
  group: 'fibre',
  description:
    'The first header chunk of a block was processed. The event can come after the race, and some builds fire it only under `debug=bench`.',
  args: {
    hashPrefix: hashPrefix('First 8 little-endian bytes of the hash.'),
    queueUs: integer('Time in the queue, in µs.'),
    mapsUs: integer('Time to look up the block, in µs.'),
    chunkUs: integer('Time to add the chunk, in µs.'),
    finishUs: integer('Time to finish, in µs.'),
  },
})
