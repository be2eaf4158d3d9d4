import { describe, expect, it } from 'vitest'
import { readLog } from './read-log.ts'

const hashOf = (name: string) => Buffer.from(name).toString('hex').padStart(64, '0')
const SECOND = '2026-11-22T16:25:09'
const startUs = Date.parse(`${SECOND}Z`) * 1e3

/** Lines, each a µs after the one before. */
const timed = (messages: readonly string[]) => messages.map((message, us) => `${SECOND}.${String(us).padStart(6, '0')}Z ${message}`)
const tip = (name: string, height: number, transactions: number) =>
  `UpdateTip: new best=${hashOf(name)} height=${height} version=0x20000000 log2_work=1.0 tx=${transactions} date='x' progress=1.000000`

/** Lines that both a block that is connected and one that is only checked before it is mined have. */
const checks = (transactions: number, inputs: number) => [
  '[bench]     - Sanity checks: 0.10ms [0.00s (0.00ms/blk)]',
  '[bench]     - Fork checks: 0.20ms [0.00s (0.00ms/blk)]',
  `[bench]       - Connect ${transactions} transactions: 1.00ms (0.000ms/tx, 0.000ms/txin) [0.00s (0.00ms/blk)]`,
  `[bench]     - Verify ${inputs} txins: 3.00ms (0.000ms/txin) [0.00s (0.00ms/blk)]`,
]
const begin = '[bench]   - Load block from disk: 0.01ms'
const index = '[bench]     - Index writing: 0.40ms [0.00s (0.00ms/blk)]'
const undo = '[bench]     - Write undo data: 0.05ms [0.00s (0.00ms/blk)]'
const total = '[bench]   - Connect total: 9.00ms [0.00s (0.00ms/blk)]'

/** Blocks that are told to be connected: names, and what is known of them. */
const connected = (...messages: readonly string[]) =>
  readLog(timed(messages)).events.flatMap((event) => (event.probe === 'validation:block_connected' ? [event] : []))
const namesOf = (events: ReturnType<typeof connected>) =>
  events.map(({ blockHash }) => Buffer.from((blockHash ?? '').replace(/^(00)+/, ''), 'hex').toString())

describe('a block that is connected', () => {
  it('has the time of the line next to the tracepoint, and the sum of its parts', () => {
    const [block] = connected(begin, ...checks(40, 50), undo, index, total, tip('a', 100, 1000))
    expect(block).toMatchObject({
      blockHash: hashOf('a'),
      height: 100,
      transactions: 40,
      inputs: 51,
      durationNs: 3_350_000,
      unixUs: startUs + 6,
    })
  })

  it('has the writing of the index in its duration before Bitcoin Core 24', () => {
    expect(connected(begin, ...checks(40, 50), index, total, tip('a', 100, 1000))).toMatchObject([{ durationNs: 3_700_000 }])
  })

  it('has the whole time where parts are missing', () => {
    expect(connected(begin, total, tip('a', 100, 1000))).toMatchObject([{ durationNs: 9_000_000, inputs: undefined, unixUs: startUs + 1 }])
  })

  it('has nothing of a block that was only checked', () => {
    const blocks = connected(
      ...checks(7, 7),
      begin,
      ...checks(40, 50),
      undo,
      index,
      total,
      tip('a', 100, 1000),
      ...checks(7, 7),
      tip('b', 101, 1005),
    )
    expect(blocks).toMatchObject([
      { transactions: 40, inputs: 51 },
      { transactions: 5, inputs: undefined, durationNs: undefined },
    ])
  })

  it('has its transactions from the chain where bench is off, and only next to its predecessor', () => {
    const blocks = connected(tip('a', 100, 1000), tip('b', 101, 1040), tip('d', 103, 1100), tip('e', 104, 1100))
    expect(blocks.map(({ transactions }) => transactions)).toEqual([undefined, 40, undefined, undefined])
  })
})

describe('a tip that is no connected block', () => {
  it.each([
    ['the block with which the chain begins', [tip('a', 0, 1), tip('b', 1, 2)], ['b']],
    ['the same tip again', [tip('a', 100, 10), tip('a', 100, 10)], ['a']],
    [
      'the one below a block that was disconnected, under bench',
      [tip('a', 100, 10), '[bench] - Disconnect block: 1.00ms', tip('z', 99, 9), tip('b', 100, 10)],
      ['a', 'b'],
    ],
    [
      'the one below a block that was disconnected, without bench',
      [tip('a', 100, 10), tip('z', 99, 9), tip('y', 98, 8), tip('b', 99, 9), tip('c', 100, 10)],
      ['a', 'b', 'c'],
    ],
    ['one of the chain below a snapshot', [tip('a', 100, 10), `[background validation] ${tip('b', 50, 5)}`], ['a']],
  ])('is %s', (_, messages, expected) => {
    expect(namesOf(connected(...messages))).toEqual(expected)
  })

  it('is not taken from a height below after bitcoind has started anew', () => {
    const restart = [
      'Bitcoin Core version v30.0.0 (release build)',
      `Loaded best chain: hashBestChain=${hashOf('x')} height=98 date=x progress=1.0`,
    ]
    expect(namesOf(connected(tip('a', 100, 10), ...restart, tip('y', 99, 9)))).toEqual(['a', 'y'])
  })
})
