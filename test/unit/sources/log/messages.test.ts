import { describe, expect, it } from 'vitest'
import { mayTell, parseMessage } from '../../../../agent/sources/log/messages.ts'
import { parsePrefix } from '../../../../agent/sources/log/prefix.ts'
import type { Fields } from '../../../../agent/tracepoints/define.ts'
import { recordedTracepoints } from '../../../../agent/tracepoints/index.ts'
import fc, { propertyOptions } from '../../../harness/fast-check.ts'
import { readLog } from './read-log.ts'

const hash = '00000000000000000000b9e4151ab39765356d15b2bb294f05f19e5094bbc7d3'
const time = '2026-11-22T16:25:09.776967Z'
const onion = `${'a'.repeat(56)}.onion:65535`

const race = `UDP: block=${hash} height=925001 winner=FIBRE/UDP winner_peer=${onion} udp=120.51ms udp_peer=${onion} cmpct=n/a cmpct_peer=n/a`
const reconstructed = `UDP: Block ${hash} reconstructed from 10.0.0.1:8334 with 700 chunks in 12.345678 ms (702 recvd from 2 peers)`
const coinbase = `UDP: block=${hash} scriptsig=017e00`
const sendStart = `UDP: Starting header send for block ${hash} at 1795364504668997 us`
const tip = `UpdateTip: new best=${hash} height=925001 version=0x20000000 log2_work=95.812345 tx=1250000000 date='2026-11-26T01:00:00Z' progress=1.000000 cache=420.5MiB(3210987txo)`
const compact = `Successfully reconstructed block ${hash} with 1 txn prefilled, 2841 txn from mempool (incl at least 3 from extra pool) and 12 txn requested`

/** Lines of messages about blocks. */
const relayed = [
  ...['received: cmpctblock (14523 bytes) peer=3', `Saw new cmpctblock header hash=${hash} height=925001 peer=3`],
  ...[`Initialized PartiallyDownloadedBlock for block ${hash} using a cmpctblock of 14523 bytes`, 'sending getblocktxn (45 bytes) peer=3'],
  ...['received: blocktxn (3489 bytes) peer=3', 'received: block (1500000 bytes) peer=3', `received block ${hash} peer=3`],
  ...[`PeerManager::NewPoWValidBlock sending header-and-ids ${hash} to peer=3`, `SendMessages: sending header ${hash} to peer=3`],
]
const told = [race, reconstructed, coinbase, sendStart, tip, compact, ...relayed]

describe('a message', () => {
  it.each([
    [
      'a race',
      race,
      [
        { probe: 'udp:block_race_winner', blockHash: hash, height: 925_001, winner: 'FIBRE/UDP', winnerPeer: onion },
        {
          probe: 'udp:block_race_time',
          blockHash: hash,
          height: 925_001,
          udpNs: 120_510_000,
          udpPeer: onion,
          cmpctNs: -1,
          cmpctPeer: 'n/a',
        },
      ],
    ],
    [
      'a race with the address of a peer',
      race.replace(/udp=.*/, 'udp=n/a udp_peer=n/a cmpct=0.95ms cmpct_peer=peer=17 peeraddr=1.2.3.4:8333'),
      [
        { probe: 'udp:block_race_winner' },
        { probe: 'udp:block_race_time', udpNs: -1, udpPeer: 'n/a', cmpctNs: 950_000, cmpctPeer: 'peer=17 peeraddr=1.2.3.4:8333' },
      ],
    ],
    [
      'a reconstruction',
      reconstructed,
      [
        {
          probe: 'udp:block_reconstructed',
          blockHash: hash,
          peer: '10.0.0.1:8334',
          chunksUsed: 700,
          chunksReceived: 702,
          peers: 2,
          durationUs: 12_346,
          height: undefined,
        },
      ],
    ],
    ['a coinbase', coinbase, [{ probe: 'udp:block_coinbase', blockHash: hash, scriptSig: '017e00' }]],
    ['a send', sendStart, [{ probe: 'udp:block_send_start', blockHash: hash, startUs: 1_795_364_504_668_997 }]],
    [
      'a compact block, before Bitcoin Core 30',
      compact,
      [
        {
          probe: 'net:compact_block_reconstructed',
          blockHash: hash,
          prefilled: 1,
          fromMempool: 2841,
          fromExtraPool: 3,
          requested: 12,
          requestedBytes: undefined,
        },
      ],
    ],
    ['a compact block since', compact.replace('12 txn', '12 txn (3456 bytes)'), [{ requested: 12, requestedBytes: 3456 }]],
    [
      'a compact block, as proposed',
      compact
        .replace('1 txn', '1 txn (250 bytes)')
        .replace('2841 txn', '2841 txn (900000 bytes)')
        .replace('at least 3', 'at least 3 txn (900 bytes)')
        .replace('12 txn', '12 txn (3456 bytes)'),
      [{ prefilled: 1, fromMempool: 2841, fromExtraPool: 3, requested: 12, requestedBytes: 3456 }],
    ],
    ['a header, first', `Saw new header hash=${hash} height=925001`, [{ step: 'header', byCompactBlock: false, hash, peer: undefined }]],
    [
      'a header of a compact block',
      `Saw new cmpctblock header hash=${hash} peer=3`,
      [{ step: 'header', byCompactBlock: true, hash, peer: 3 }],
    ],
    ['a header since', `Saw new header hash=${hash} height=925001 peer=3`, [{ step: 'header', byCompactBlock: false, hash, peer: 3 }]],
    [
      'a header with the address of a peer',
      `Saw new cmpctblock header hash=${hash} height=925001 peer=3 peeraddr=1.2.3.4:8333`,
      [{ step: 'header', byCompactBlock: true, hash, peer: 3 }],
    ],
    ...['a cmpctblock of size 14523', 'a cmpctblock of 14523 bytes'].map((size): [string, string, unknown[]] => [
      `${size} that is looked at`,
      `Initialized PartiallyDownloadedBlock for block ${hash} using ${size}`,
      [{ step: 'compactBlock', hash, size: 14_523 }],
    ]),
    [
      'a message that is handled',
      'received: blocktxn (3489 bytes) peer=3',
      [{ step: 'received', message: 'blocktxn', size: 3489, peer: 3 }],
    ],
    ['transactions that are asked for', 'sending getblocktxn (45 bytes) peer=3', [{ step: 'requested', peer: 3 }]],
    ['a whole block', `received block ${hash} peer=3`, [{ step: 'whole', hash, peer: 3 }]],
    [
      'a peer that is told at once',
      `PeerManager::NewPoWValidBlock sending header-and-ids ${hash} to peer=3`,
      [{ step: 'sent', message: 'cmpctblock', hash, peer: 3 }],
    ],
    ['a peer that is told later', `SendMessages: sending header ${hash} to peer=3`, [{ step: 'sent', message: 'headers', hash, peer: 3 }]],
  ])('tells of %s', (_, message, expected) => {
    expect(parseMessage(message)).toMatchObject(expected)
    expect(mayTell(`${time} ${message}`)).toBe(true)
  })

  it('leaves out a number beyond what can be', () => {
    const [event] = parseMessage(sendStart.replace('1795364504668997', '9'.repeat(20)))
    expect(event).toEqual({ probe: 'udp:block_send_start', blockHash: hash, startUs: undefined })
    const [, times] = parseMessage(race.replace('120.51', '9'.repeat(400)))
    expect(times).toMatchObject({ probe: 'udp:block_race_time', udpNs: undefined, cmpctNs: -1 })
  })

  it.each([
    ['of another block', reconstructed.replace(hash, hash.slice(1))],
    ['with more behind it', `${sendStart} ${sendStart}`],
    ['within another', `receive version message: /${tip}/: version 70016`],
    ['of the check of a snapshot, which says nothing of the tip', `[background validation] ${tip}`],
    ['with a negative number', reconstructed.replace('700', '-700')],
  ])('%s is not taken for one', (_, message) => {
    expect(readLog([`${time} ${message}`]).events).toEqual([])
  })
})

describe('a prefix', () => {
  const prefixes = {
    'that is usual': '2026-11-22T16:25:09Z ',
    'with category': `${time} [bench] `,
    'with category and level': `${time} [all:info] `,
    'with thread': `${time} [msghand] [cmpctblock:debug] `,
    'with place and function': `${time} [msghand] [net.cpp:3899] [void CConnman::PushMessage(CNode*, CSerializedNetMsg&&)] [net] `,
    'with a function that has brackets': `${time} [init] [checkqueue.h:147] [CCheckQueue<T, R>::CCheckQueue(unsigned int, int) [with T = CScriptCheck; R = std::pair<int, std::array<char, 4>[]>]] `,
    'with a short function': `${time} [validation.cpp:2450] [UpdateTipLog] `,
    'with mocktime': `${time} (mocktime: 2023-11-14T22:13:20Z) `,
    'without time': '[init] ',
    'of a node that logs too much': `[*] ${time} [msghand] `,
    'that is not there': '',
  }
  it.each(Object.entries(prefixes))('%s is taken off', (_, prefix) => {
    for (const message of told) expect(parsePrefix(`${prefix}${message}`).message).toBe(message)
  })

  it('tells the time', () => {
    const seconds = Date.UTC(2026, 10, 22, 16, 25, 9) * 1e3
    expect(parsePrefix(`${time} x`)).toEqual({ unixUs: seconds + 776_967, hasMicros: true, message: 'x' })
    expect(parsePrefix('2026-11-22T16:25:09Z x')).toEqual({ unixUs: seconds, hasMicros: false, message: 'x' })
    expect(parsePrefix('2026-99-22T16:25:09Z x')).toMatchObject({ unixUs: undefined, message: 'x' })
  })
})

describe('any line', propertyOptions, () => {
  const kinds = new Map(recordedTracepoints.map(({ probe, args }) => [probe as string, args as Fields]))
  const isOf = (kind: string, value: unknown) => {
    if (value === undefined) return true
    if (kind === 'integer') return Number.isSafeInteger(value)
    if (/hash/i.test(kind)) return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
    return typeof value === 'string' && value.length <= 255
  }
  const pieces = fc.constantFrom(
    ...told.flatMap((message) => message.split(' ')),
    '[',
    ']',
    '[*]',
    '-1',
    '9'.repeat(400),
    'n/a',
    time,
    '\u0000',
    'é',
  )
  const changed = fc
    .tuple(fc.constantFrom(...told), fc.array(fc.tuple(fc.nat(30), fc.oneof(pieces, fc.string({ maxLength: 300 }))), { maxLength: 3 }))
    .map(([message, changes]) => {
      const words = message.split(' ')
      for (const [at, word] of changes) words[at % words.length] = word
      return words.join(' ')
    })
  const line = fc.oneof(
    changed,
    fc.array(pieces, { maxLength: 40 }).map((words) => words.join(' ')),
    fc.string({ maxLength: 2000 }),
  )

  it('makes events of their own shape only, in less than a second', () => {
    const property = fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const start = performance.now()
      const { events, messages } = readLog(lines.map((text) => `${time} ${text}`))
      for (const { type, hash, peer, size } of messages) {
        expect(type).toMatch(/^(cmpctblock|headers|block|getblocktxn|blocktxn)$/)
        expect([isOf('hash', hash), isOf('integer', peer), isOf('integer', size)], `${hash} ${peer} ${size}`).toEqual([true, true, true])
      }
      for (const { unixUs, ...event } of events) {
        const args = kinds.get(event.probe)
        const { probe, ...fields } = event
        expect(Object.keys(fields).sort()).toEqual(Object.keys(args ?? {}).sort())
        for (const [name, value] of Object.entries(fields))
          expect(isOf(args?.[name]?.kind ?? '', value), `${probe} ${name} ${value}`).toBe(true)
        expect(fields).toHaveProperty('blockHash', expect.any(String))
      }
      expect(performance.now() - start).toBeLessThan(1000)
    })
    fc.assert(property, { numRuns: 2000 })
  })
})
