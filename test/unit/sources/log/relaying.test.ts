import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLog } from './read-log.ts'

const hashOf = (name: string) => Buffer.from(name).toString('hex').padStart(64, '0')
const SECOND = '2026-11-22T16:25:09'
const startUs = Date.parse(`${SECOND}Z`) * 1e3

const received = (message: string, size: number, peer: number) => `[net] received: ${message} (${size} bytes) peer=${peer}`
const asked = (peer: number) => `[net] sending getblocktxn (45 bytes) peer=${peer}`
const initialized = (name: string, size: string) =>
  `[cmpctblock] Initialized PartiallyDownloadedBlock for block ${hashOf(name)} using a cmpctblock of ${size}`
const reconstructed = (name: string, requested: string) =>
  `[cmpctblock] Successfully reconstructed block ${hashOf(name)} with 1 txn prefilled, 2841 txn from mempool (incl at least 3 from extra pool) and ${requested} requested`
const ofFibre = 'UDP: Bound to port 8334 for group 1 with 100 Mbps'

/** Lines, each a µs after the one before. */
function read(...lines: readonly string[]) {
  const { events, messages } = readLog(lines.map((line, us) => `${SECOND}.${String(us).padStart(6, '0')}Z ${line}`))
  return {
    messages: messages.map(({ type, hash, peer, size, isInbound, isFirst, unixUs }) =>
      [
        isInbound ? 'from' : 'to',
        peer,
        `${type}${isFirst ? '!' : ''}`,
        Buffer.from(hash.replace(/^(00)+/, ''), 'hex').toString(),
        size,
        unixUs - startUs,
      ].join(' '),
    ),
    peers: events.map((event) => ('peer' in event ? event.peer : 'none')),
  }
}

describe.each([
  ['before Bitcoin Core 30', '14523', `size 14523`, '12 txn', '0 txn'],
  ['of Bitcoin Core 30 and newer', '14523', '14523 bytes', '12 txn (3456 bytes)', '0 txn (0 bytes)'],
])('of lines %s', (_, bytes, size, twelve, none) => {
  const compactFrom = (peer: number) => received('cmpctblock', Number(bytes), peer)

  it('a compact block that took a round trip is told with its peer, sizes and times', () => {
    const { messages, peers } = read(
      compactFrom(3),
      `Saw new cmpctblock header hash=${hashOf('a')} height=9 peer=3`,
      initialized('a', size),
      asked(3),
      received('headers', 82, 5),
      received('blocktxn', 3489, 3),
      reconstructed('a', twelve),
    )
    expect(messages).toEqual([
      'from 3 cmpctblock! a 14523 0',
      'from 3 cmpctblock a 14523 0',
      'from 3 cmpctblock a 14523 0',
      'to 3 getblocktxn a  3',
      'from 3 blocktxn a 3489 5',
    ])
    expect(peers).toEqual([3])
  })

  it('a compact block that needed nothing is that of the message that is handled', () => {
    const { messages, peers } = read(
      compactFrom(3),
      initialized('a', size),
      asked(3),
      compactFrom(4),
      initialized('a', size),
      reconstructed('a', none),
    )
    expect(messages.slice(-2)).toEqual(['from 4 cmpctblock a 14523 3', 'from 4 cmpctblock a 14523 3'])
    expect(peers).toEqual([4])
  })

  it('without debug=net nothing is told but that, and by whom the block was announced first', () => {
    const { messages, peers } = read(
      `Saw new cmpctblock header hash=${hashOf('a')} height=9 peer=3`,
      initialized('a', size),
      reconstructed('a', twelve),
      initialized('b', size),
      reconstructed('b', none),
    )
    expect(messages).toEqual(['from 3 cmpctblock! a  0'])
    expect(peers).toEqual([undefined, undefined])
  })
})

it('a whole block is told with its size, and peers that are told of it', () => {
  const { messages } = read(
    received('headers', 82, 5),
    `Saw new header hash=${hashOf('a')} height=9 peer=5`,
    received('block', 1_500_000, 5),
    `[net] received block ${hashOf('a')} peer=5`,
    `[net] PeerManager::NewPoWValidBlock sending header-and-ids ${hashOf('a')} to peer=7`,
    `[net] SendMessages: sending header ${hashOf('a')} to peer=8`,
  )
  expect(messages).toEqual(['from 5 headers! a 82 0', 'from 5 block a 1500000 2', 'to 7 cmpctblock a  4', 'to 8 headers a  5'])
})

describe('no message is made', () => {
  const late = received('cmpctblock', 362, 0)
  it.each<[string, string[]]>([
    ['of a compact block of which no line tells which it is', [late, received('headers', 82, 5)]],
    ['of a header whose line names no peer', [`Saw new header hash=${hashOf('a')} height=9`]],
    ['of a compact block that is made of chunks of FIBRE', [ofFibre, late, initialized('b', '362 bytes')]],
    ['of a compact block of another size', [late, initialized('b', '363 bytes'), asked(0)]],
    ['of a request to another peer', [ofFibre, late, initialized('a', '362 bytes'), asked(1)]],
    ['of what another process said', [late, 'Bitcoin Core version v30.0.0 (release build)', initialized('a', '362 bytes'), asked(0)]],
    ['of a reconstruction that does not fit to the message', [late, reconstructed('a', '12 txn')]],
    ['of a reconstruction of which the message may be another one', [late, reconstructed('a', '0 txn')]],
  ])('%s', (_, lines) => {
    expect(read(...lines).messages).toEqual([])
  })

  it('of lines before a gap', () => {
    const { messages, log } = readLog([late])
    log.gap('it was cut')
    log.lines([initialized('a', '362 bytes'), asked(0)])
    expect(messages).toEqual([])
  })
})

// In messages.log threads of FIBRE write of the same blocks in between.
const answersIn = {
  'default.log': [[0, 15, 7925]],
  'messages.log': [
    [0, 40, 13_324],
    [0, 40, 14_184],
    [0, 40, 15_216],
  ],
}

describe.each(Object.entries(answersIn))('%s, which a real node wrote,', (file, expected) => {
  const { events, messages } = readLog(readFileSync(join(import.meta.dirname, '../../../fixtures/logs', file), 'utf8').split('\n'))
  const made = events.filter((event) => event.probe === 'net:compact_block_reconstructed')

  it('tells from whom each reconstructed block came, and of no exchange but theirs', () => {
    const answers = messages.filter(({ type }) => type === 'blocktxn')
    const sizeOf = (hash: string | undefined) => answers.find((answer) => answer.hash === hash)?.size
    expect(made.map(({ peer, requested, blockHash }) => [peer, requested, sizeOf(blockHash)])).toEqual(expected)
    const hashes = new Set(made.map(({ blockHash }) => blockHash))
    const exchanged = messages.filter(({ isInbound, isFirst, type }) => !isFirst && (isInbound || type === 'getblocktxn'))
    expect(exchanged.map(({ type }) => type)).toEqual(made.flatMap(() => ['cmpctblock', 'getblocktxn', 'blocktxn']))
    expect(exchanged.filter(({ hash }) => !hashes.has(hash))).toEqual([])
  })

  it('has the size of each answer, which is that of its transactions with 33 bytes more', () => {
    for (const { blockHash, requestedBytes } of made)
      expect(messages.find(({ type, hash }) => type === 'blocktxn' && hash === blockHash)?.size).toBe(Number(requestedBytes) + 33)
  })
})
