import { appendFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { HASH, recordingOf, sent, startReplay, temporaryPath } from './recordings.ts'

describe('a line of a recording', () => {
  const connected = { node: 'n', probe: 'validation:block_connected', block_hash: HASH, height: 9, inputs: 3, sigops: 4 }

  it('is handed on as the event that it was', async () => {
    const line = { ts_ns: 5_000_000_007, unix_us: 1_795_364_502_889_134, ...connected, transactions: 2, duration_ns: 7 }
    const { run, handed } = await startReplay(recordingOf(line))
    await run()
    expect(handed).toEqual([
      {
        event: {
          probe: 'validation:block_connected',
          node: 'n',
          stampNs: 5_000_000_007,
          unixSeconds: 1_795_364_502.889134,
          blockHash: HASH,
          height: 9,
          transactions: 2,
          inputs: 3,
          sigops: 4,
          durationNs: 7,
        },
        failed: [],
        nowNs: 5_000_000_007,
      },
    ])
  })

  it('may have the names of earlier recordings', async () => {
    const { run, handed } = await startReplay(
      recordingOf(
        { ts_ns: 1e9, ...connected, tx_count: 2, connection_time_ns: 7, pid: 1, comm: 'b-msghand' },
        { ts_ns: 1e9, node: 'n', probe: 'udp:block_header_chunk', hash_prefix: '1a2b', dur_us: [1, 2, 3, 4] },
        { ts_ns: 1e9, node: 'n', probe: 'udp:block_reconstructed', block_hash: HASH, src: '10.0.0.1:1', chunks_used: 3, chunks_recvd: 4, num_peers: 5, duration_us: 6 }, // biome-ignore format: one line
      ),
    )
    await run()
    expect(handed.map(({ failed }) => failed)).toEqual([[], [], []])
    expect(handed.map(({ event }) => event)).toMatchObject([
      { transactions: 2, durationNs: 7 },
      { hashPrefix: '0000000000001a2b', queueUs: 1, mapsUs: 2, chunkUs: 3, finishUs: 4 },
      { peer: '10.0.0.1:1', chunksUsed: 3, chunksReceived: 4, peers: 5, durationUs: 6, height: undefined },
    ])
  })

  it('lacks what could not be read, which is then named', async () => {
    const { run, handed } = await startReplay(
      recordingOf(
        { ts_ns: 1e9, ...connected },
        { ts_ns: 1e9, ...connected, block_hash: null, transactions: 'two', duration_ns: 1.5 },
        { ts_ns: 1e9, node: 'n', probe: 'udp:block_send_start', block_hash: 'short', start_us: [1] },
      ),
    )
    await run()
    expect(handed.map(({ failed }) => failed)).toEqual([
      ['transactions', 'durationNs'],
      ['blockHash', 'transactions', 'durationNs'],
      ['blockHash', 'startUs'],
    ])
    expect(handed[1]?.event).toMatchObject({ blockHash: undefined, height: 9, transactions: undefined, durationNs: undefined })
  })

  it.each([
    ['text', 'nothing of the kind'],
    ['half a line', '{"ts_ns": 1000000000, "node": "n", "pro'],
    ['another kind of JSON', '[1, 2]'],
    ['null', 'null'],
    ['bytes', '\u0000\u0001\ufffd'],
    ['a line without a time', { node: 'n', probe: 'udp:block_send_start' }],
    ['a negative time', { ...sent(1), ts_ns: -5 }],
    ['a time that no clock has', { ...sent(1), ts_ns: 1e300 }],
    ['a node of a name without end', { ...sent(1), node: 'n'.repeat(256) }],
    ['a node of a name with a line break', { ...sent(1), node: 'a\nb' }],
    ['a line without a node', { ...sent(1), node: undefined }],
    ['a tracepoint that is not known', { ...sent(1), probe: 'demo:unknown' }],
    ['an endless line', { ...sent(1), comm: 'x'.repeat(70_000) }],
    ['several chunks without a line break', 'x'.repeat(600_000)],
  ])('that cannot be understood is counted, and the first is said: %s', async (_, bad) => {
    const { run, lines, handed } = await startReplay(recordingOf(sent(1), '', bad, sent(2), bad, sent(3)))
    expect(await run()).toEqual({ events: 3, unreadable: 2 })
    expect(handed).toHaveLength(3)
    const warnings = lines.filter(({ level }) => level === 40)
    expect(warnings).toMatchObject([{ line: 3, msg: 'cannot understand a line of the recording; further ones are only counted' }])
  })

  it('of a tracepoint that the kernel counts is added up, and not handed on', async () => {
    const added = (vsize: unknown, node = 'n') => ({ ts_ns: 1e9, node, probe: 'mempool:added', txid: HASH, vsize, fee: 300 })
    const { source, run, handed } = await startReplay(recordingOf(sent(1), added(110), added(250), added('?'), added(7, 'm')))
    expect(await run()).toEqual({ events: 5, unreadable: 0 })
    expect(handed).toHaveLength(1)
    const total = { probe: 'mempool:added', labels: {}, buckets: [] }
    expect(source.totals()).toEqual([
      { ...total, node: 'n', count: 3, sums: { vsize: 360, fee: 900 } },
      { ...total, node: 'm', count: 1, sums: { vsize: 7, fee: 300 } },
    ])
  })

  it('of a tracepoint that is counted is added up by its labels, into the buckets of its histogram', async () => {
    const flush = (duration_us: number, mode: number) => ({
      ts_ns: 1e9,
      node: 'n',
      probe: 'utxocache:flush',
      duration_us,
      mode,
      coins: 2,
      bytes: 3,
    })
    const { source, run } = await startReplay(recordingOf(sent(1), flush(-5, 2), flush(1001, 2), flush(7, 9)))
    await run()
    const buckets = (...counts: number[]) => [...counts, ...Array.from({ length: 14 - counts.length }, () => 0)]
    const total = { node: 'n', probe: 'utxocache:flush' }
    expect(source.totals()).toEqual([
      { ...total, labels: { mode: 'periodic' }, count: 2, sums: { durationUs: 1001, coins: 4, bytes: 6 }, buckets: buckets(1, 1) },
      { ...total, labels: { mode: 'other' }, count: 1, sums: { durationUs: 7, coins: 2, bytes: 3 }, buckets: buckets(1) },
    ])
  })

  it('of a tracepoint of which the kernel records a few hits is handed on, and not added up: the others are not in the recording', async () => {
    const message = { ts_ns: 1e9, node: 'n', probe: 'net:inbound_message', message: 'cmpctblock', size: 3, payload: '0102ff' }
    const { source, run, handed } = await startReplay(recordingOf(message, { ...message, payload: '0102f' }))
    await run()
    expect(handed.map(({ event }) => 'payload' in event && event.payload)).toEqual(['0102ff', undefined])
    expect(source.totals()).toEqual([])
  })

  it('has the time of its stamp where its time of day is none', async () => {
    const { run, handed } = await startReplay(recordingOf(...[1e300, -1, 2 ** 53, 'now'].map((unix_us) => ({ ...sent(7), unix_us }))))
    await run()
    expect(handed.map(({ event }) => event.unixSeconds)).toEqual([7, 7, 7, 7])
  })

  it('may end in a carriage return, and the last one in nothing', async () => {
    const file = recordingOf(`${JSON.stringify(sent(1))}\r`, '\r')
    appendFileSync(file, JSON.stringify(sent(2)))
    const { run } = await startReplay(file)
    expect(await run()).toEqual({ events: 2, unreadable: 0 })
  })

  it('that measuring fails on is an error to be counted; the rest goes on', async () => {
    const replay = await startReplay(recordingOf(sent(1), sent(2)))
    replay.handed.push = () => {
      throw new Error('cannot')
    }
    expect(await replay.run()).toEqual({ events: 2, unreadable: 0 })
    expect(replay.errors).toHaveLength(2)
  })
})

describe('a file that is no recording is refused by name', () => {
  it.each([
    ['an empty one', ''],
    ['one without an event', '{"a": 1}\n\n'],
    ['a binary one', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0xff, 0x0a, 0xfe])],
  ])('%s', async (_, content) => {
    const file = temporaryPath()
    writeFileSync(file, content)
    await expect(startReplay(file)).rejects.toThrow(
      `${file} holds no event: a recording has one JSON object a line, as fibre-agent --record FILE writes it`,
    )
  })

  it('one that does not exist', async () => {
    const file = temporaryPath()
    await expect(startReplay(file)).rejects.toThrow(`ENOENT: no such file or directory, stat '${file}'`)
  })

  it('a device', async () => {
    await expect(startReplay('/dev/null')).rejects.toThrow('/dev/null is not a regular file: save the recording to one first')
  })

  it('one of more nodes than anybody has', async () => {
    const file = recordingOf(...Array.from({ length: 257 }, (_, i) => sent(1, { node: `n${i}` })))
    await expect(startReplay(file)).rejects.toThrow(`${file} names more than 256 nodes`)
  })
})
