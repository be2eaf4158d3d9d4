import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { compileDemoNode } from './compile.ts'
import { coreProbes, fire, type Probe, probes, startDemoNode } from './demo-node.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const fixture = join(root, 'test/fixtures/events.jsonl')
const directory = mkdtempSync(join(tmpdir(), 'demo-node-'))
afterAll(() => rmSync(directory, { recursive: true }))

type Recorded = { ts_ns: number; probe: Probe; block_hash?: string; hash_prefix?: string } & Record<
  string,
  string | number | number[] | null
>

let files = 0
const newPath = () => join(directory, String(files++))
const recorded = (path: string): Recorded[] => jsonLines(readFileSync(path, 'utf8'))
const jsonLines = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
const prefixOf = (event: Recorded) => event.hash_prefix?.padStart(16, '0') ?? String(event.block_hash).slice(-16)
const countByProbe = (events: readonly { probe: Probe }[]) =>
  Object.fromEntries(probes.map((probe) => [probe, events.filter((event) => event.probe === probe).length]))
const none = countByProbe([])

/** Runs a command on a node that fires though nothing is attached, and returns what it recorded. */
async function record(command: string, ...args: string[]): Promise<Recorded[]> {
  const path = newPath()
  await using node = await startDemoNode({ args: ['--control', '--always', '--record', path, ...args] })
  await node.command(command)
  return recorded(path)
}

async function probesOf(binary: string) {
  const { stdout } = await run('readelf', ['-n', binary])
  return [...stdout.matchAll(/Provider: (\w+)\s+Name: (\w+)\s+.*Semaphore: 0x0*(\w*)\s+Arguments: (.*)/g)].map(
    ([, provider, name, semaphore, operands]) => ({
      probe: `${provider}:${name}`,
      hasSemaphore: semaphore !== '',
      sizes: operands?.match(/-?\d(?=@)/g)?.join(' '),
    }),
  )
}

describe('tracepoints', () => {
  const fibre = {
    'udp:block_reconstructed': '8 8 4 4 4 -8 -4',
    'udp:block_reconstruction_detail': '8 -4 4 8 4 4 4',
    'udp:block_send_start': '8 -8',
    'udp:block_coinbase': '8 8',
    'udp:block_header_chunk': '8 -8 -8 -8 -8',
    'udp:block_race_winner': '8 -4 8 8',
    'udp:block_race_time': '8 -4 -8 8 -8 8',
  }
  const core = { 'validation:block_connected': '8 -4 8 -4 -8 -8', ...coreProbes }
  const notes = (sizes: Readonly<Record<string, string>>, hasSemaphore = true) =>
    Object.entries(sizes).map(([probe, sizes]) => ({ probe, hasSemaphore, sizes }))
  const byProbe = <T extends { readonly probe: string }>(found: readonly T[]) => found.toSorted((a, b) => a.probe.localeCompare(b.probe))
  const without = (pattern: RegExp) => Object.fromEntries(Object.entries(core).filter(([probe]) => !pattern.test(probe)))
  const connections = /connection/

  it('are those of a FIBRE node, each once, with a semaphore and with its argument types', async () => {
    expect(byProbe(await probesOf(join(root, 'dist/demo-node')))).toEqual(byProbe(notes({ ...fibre, ...core })))
  })

  it('lack one in an older build of FIBRE, where a reconstruction has no height', { timeout: 60_000 }, async () => {
    const binary = compileDemoNode(newPath(), '-DOLDER')
    const { 'udp:block_reconstruction_detail': _, ...older } = { ...fibre, ...core, 'udp:block_reconstructed': '8 8 4 4 4 -8' }
    expect(byProbe(await probesOf(binary))).toEqual(byProbe(notes(older)))
    await using demo = await startDemoNode({ binary, args: ['--control', '--always'] })
    expect(Object.keys((await demo.command('blocks 3')).events)).not.toContain('udp:block_reconstruction_detail')
  })

  it.each([
    [32, { ...core, 'net:block_header': '-4 -8 1 8', 'net:compact_block_reconstructed': '-8 4 4 4 4 4 8' }, true],
    [31, core, true],
    [29, core, true],
    [28, { ...without(connections), 'mempool:replaced': '8 -4 -8 8 8 -4 -8' }, false],
    [
      25,
      {
        ...without(connections),
        'mempool:added': '8 8 -8',
        'mempool:removed': '8 8 8 -8 8',
        'mempool:replaced': '8 8 -8 8 8 8 -8',
      },
      false,
    ],
    [23, { ...without(/connection|mempool/), 'validation:block_connected': '8 -4 8 -4 8 -8' }, false],
  ])('are those of Bitcoin Core %i in a stock build', { timeout: 60_000 }, async (version, sizes, hasSemaphore) => {
    const binary = compileDemoNode(newPath(), '-O0', '-DSTOCK', `-DCORE=${version}`)
    expect(byProbe(await probesOf(binary))).toEqual(byProbe(notes(sizes, hasSemaphore)))
    await using demo = await startDemoNode({ binary, args: ['--control', '--always'] })
    expect(await demo.command('blocks 3')).toMatchObject({ events: { 'validation:block_connected': 3 } })
    const { totals } = await demo.command('load 0.1 messages=2000 mempool=2000 utxo=2000')
    expect(Object.keys(totals).toSorted()).toEqual(
      Object.keys(sizes)
        .filter((probe) => !probe.startsWith('valid'))
        .toSorted(),
    )
  })

  it('do not fire while no tracer holds their semaphore', async () => {
    const path = newPath()
    await using demo = await startDemoNode({ args: ['--control', '--record', path] })
    expect(await demo.command('semaphores')).toMatchObject(none)
    expect(await demo.command('wait 1 0.01')).toMatchObject({ attached: false })
    expect(await demo.command('blocks 20')).toMatchObject({ blocks: 20, events: none })
    expect(await demo.command('events 100 0')).toMatchObject({ events: none })
    expect(await demo.command('hit udp:block_coinbase 5')).toMatchObject({ hits: 0 })
    await expect(demo.command('fire udp:block_coinbase {}')).rejects.toThrow('no tracer is attached: udp:block_coinbase')
    expect(recorded(path)).toEqual([])
  })
})

describe('commands', () => {
  it('tell what was fired, as the recording does', async () => {
    const path = newPath()
    await using demo = await startDemoNode({ args: ['--control', '--always', '--record', path, '--threads', '2'] })
    const answers = [await demo.command('blocks 50'), await demo.command('events 1001 0'), await demo.command('flood 0.05')]
    const hit = await demo.command('hit udp:block_race_time 7')
    const sum = { ...none, [hit.probe]: hit.hits }
    for (const { events } of answers) for (const probe of probes) sum[probe] = (sum[probe] ?? 0) + events[probe]
    const events = recorded(path)
    expect(sum).toEqual(countByProbe(events))
    expect(answers[1] && Object.values(answers[1].events).reduce((a, b) => a + b)).toBe(1001)
    expect(new Set(events.filter((event) => event.probe === 'validation:block_connected').map(prefixOf)).size).toBe(
      sum['validation:block_connected'],
    )
  })

  it('fire at the rate asked for', async () => {
    await using demo = await startDemoNode({ args: ['--control', '--always', '--threads', '2'] })
    const { seconds } = await demo.command('events 2000 5000')
    expect(seconds).toBeGreaterThanOrEqual(0.399)
    expect(seconds).toBeLessThan(2)
  })

  it('replay a recording, or one node of it, as it was', async () => {
    const real = recorded(fixture)
    const fields = ({ ts_ns, node, pid, tid, comm, height, all_from_mempool, ...rest }: Recorded) => rest
    expect((await record(`replay ${fixture} 0`)).map(fields)).toEqual(real.map(fields))
    expect((await record(`replay ${fixture} 0 node=B`)).map(fields)).toEqual(real.filter(({ node }) => node === 'B').map(fields))
  })

  it('replay at the recorded pace, divided by the speed', async () => {
    const path = await (async () => {
      const path = newPath()
      await using source = await startDemoNode({ args: ['--control', '--always', '--record', path] })
      await source.command('blocks 5 200000')
      return path
    })()
    const span = (events: Recorded[]) => ((events.at(-1)?.ts_ns ?? 0) - (events[0]?.ts_ns ?? 0)) / 1e9
    const replayed = span(await record(`replay ${path} 4`))
    // The first event may be late, which shortens the span.
    expect(replayed).toBeGreaterThan((span(recorded(path)) / 4) * 0.8)
    expect(replayed).toBeLessThan(span(recorded(path)) / 4 + 0.4)
  })

  it('answer a mistake with what is wrong', async () => {
    await using demo = await startDemoNode({ args: ['--control'] })
    await expect(demo.command('dance')).rejects.toThrow('unknown command: dance')
    await expect(demo.command('blocks')).rejects.toThrow('a number is missing: blocks')
    await expect(demo.command('events 5 fast')).rejects.toThrow('fast')
    await expect(demo.command('hit udp:nothing 5')).rejects.toThrow('no such probe: udp:nothing')
    await expect(demo.command('fire udp:nothing {}')).rejects.toThrow('no such probe: udp:nothing')
    await expect(demo.command('replay /nowhere')).rejects.toThrow('No such file or directory: /nowhere')
    await expect(demo.command('odd sock')).rejects.toThrow('no such kind: sock')
  })

  it('fire one hit with the arguments given, whichever they are, and say which', async () => {
    const path = newPath()
    const own = ({ ts_ns, node, pid, tid, comm, probe, payload, ...args }: Recorded) => args
    const blocks = await record('blocks 20')
    await using demo = await startDemoNode({ args: ['--control', '--always', '--record', path] })
    await demo.command('load 0.1 messages=20000 mempool=2000 utxo=20000')
    const events = [...blocks, ...recorded(path)]
    expect(new Set(events.map(({ probe }) => probe)).size).toBe(probes.length + Object.keys(coreProbes).length)
    for (const event of events) expect((await fire(demo, event.probe, own(event)))[0]).toMatchObject(own(event))
    expect(recorded(path).slice(-events.length).map(own)).toEqual(events.map(own))
    const nothing = { txid: '0'.repeat(64), reason: 'a text, of words', vsize: -1, fee: 0, entry_time: 0 }
    const { reason, vsize } = nothing
    expect(await fire(demo, 'mempool:removed', { vsize, reason })).toEqual([{ probe: 'mempool:removed', ...nothing }])
  })

  it('send difficult arguments and say which', async () => {
    await using demo = await startDemoNode({ args: ['--control', '--always'] })
    const sent = async (kind: string) => Object.fromEntries((await demo.command(`odd ${kind}`)).sent.map((event) => [event.probe, event]))
    const peer = async (kind: string) => (await sent(kind))['udp:block_reconstructed']?.src
    expect(Object.keys(await sent('null-text')).sort()).toEqual([...probes].sort())
    expect(await peer('null-text')).toBeNull()
    expect(await peer('unmapped-text')).toBeNull()
    expect(await peer('not-utf8')).toBe('203.0.113.7:\ufffd\ufffd\ufffd')
    expect(await peer('long-text')).toHaveLength(10_000)
    expect(await peer('empty-text')).toBe('')
    expect(await peer('onion-peer')).toMatch(/^[a-z2-7]{56}\.onion:\d{5}$/)
    const cold = await sent('cold-text')
    expect(cold['udp:block_reconstructed']?.src).toBe('192.0.2.99:8433')
    expect(cold['udp:block_race_winner']?.winner_peer).toBe('192.0.2.199:8433')
    const nowhere = await sent('unmapped-hash')
    expect(nowhere['udp:block_coinbase']?.block_hash).toBeNull()
    expect(nowhere['validation:block_connected']?.block_hash).toBeNull()
    expect((await sent('other-winner'))['udp:block_race_winner']?.winner).toBe('SOMETHING/ELSE')
    expect((await sent('spaced-peer'))['udp:block_race_time']?.cmpct_peer).toBe('peer=17 peeraddr=198.51.100.4:8333')
    expect((await sent('negative'))['validation:block_connected']).toMatchObject({ height: -73, inputs: -85, connection_time_ns: -87 })
    expect(Object.keys(await sent('prefix-only'))).toEqual(['udp:block_header_chunk'])
  })
})

describe('invented blocks', () => {
  const short = (probe: Probe) => probe.replace(/\w+:(block_)?/, '')

  it('fire their events in the order of a real node', async () => {
    const orders = new Map<string, string[]>()
    for (const event of await record('blocks 2000'))
      orders.set(prefixOf(event), [...(orders.get(prefixOf(event)) ?? []), short(event.probe)])
    expect(orders.size).toBe(2000)
    const legal =
      /^(header_chunk )?((coinbase reconstructed reconstruction_detail )(header_chunk )?)?(send_start )?connected( race_winner race_time)?( header_chunk)?$/
    for (const order of orders.values()) expect(order.join(' ')).toMatch(legal)
    const seen = new Set([...orders.values()].map((order) => order.join(' ')))
    expect(seen).toContain('connected') // a full block
    expect(seen).toContain('send_start connected') // mined here
    expect(seen).toContain('send_start connected race_winner race_time header_chunk') // FIBRE came too late
    expect(seen).toContain('header_chunk coinbase reconstructed reconstruction_detail send_start connected race_winner race_time')
  })

  it('are consistent in themselves', async () => {
    const blocks = new Map<string, Record<string, Recorded>>()
    for (const event of await record('blocks 2000'))
      blocks.set(prefixOf(event), { ...blocks.get(prefixOf(event)), [short(event.probe)]: event })
    for (const { reconstructed, reconstruction_detail: detail, connected, race_winner, race_time } of blocks.values()) {
      expect(connected?.block_hash).toMatch(/^[0-9a-f]{64}$/)
      if (reconstructed && detail) {
        expect(reconstructed.chunks_used).toBeLessThanOrEqual(Number(reconstructed.chunks_recvd))
        expect(reconstructed.duration_us).toBeGreaterThan(0)
        expect(1 + Number(detail.missing_tx_count) + Number(detail.mempool_tx_count)).toBe(detail.total_tx_count)
        expect(detail.total_tx_count).toBe(connected?.tx_count)
        expect(detail.all_from_mempool).toBe(detail.missing_tx_count === 0 ? 1 : 0)
        expect(race_time?.udp_ns).toBeGreaterThan(Number(reconstructed.duration_us) * 1000)
      }
      if (!race_time || !race_winner) continue
      expect(race_time.udp_peer === 'n/a').toBe(race_time.udp_ns === -1)
      expect(race_time.cmpct_peer === 'n/a').toBe(race_time.cmpct_ns === -1)
      expect(race_winner.winner_peer).toBe(race_winner.winner === 'FIBRE/UDP' ? race_time.udp_peer : race_time.cmpct_peer)
    }
    const races = [...blocks.values()].filter(({ race_time }) => race_time)
    const share = (wanted: (udp: number, cmpct: number, winner: unknown) => boolean) =>
      races.filter((race) => wanted(Number(race.race_time?.udp_ns), Number(race.race_time?.cmpct_ns), race.race_winner?.winner)).length /
      races.length
    expect(share((udp, cmpct) => udp > 0 && cmpct > 0)).toBeGreaterThan(0.5)
    expect(share((_, cmpct) => cmpct === -1)).toBeGreaterThan(0.15)
    expect(share((udp) => udp === -1)).toBeGreaterThan(0.01)
    expect(share((udp, cmpct, winner) => udp > cmpct && cmpct > 0 && winner === 'BIP152/CMPCTBLOCK')).toBeGreaterThan(0.05)
    expect(share((udp, cmpct, winner) => cmpct > udp && udp > 0 && winner === 'FIBRE/UDP')).toBeGreaterThan(0.05)
  })

  it('are recorded with the keys of a real recording, and two that it lacks', async () => {
    const keys = (events: Recorded[]) => Object.fromEntries(events.map((event) => [event.probe, Object.keys(event)]))
    const real = keys(recorded(fixture))
    real['udp:block_reconstructed']?.push('height')
    real['udp:block_reconstruction_detail']?.push('all_from_mempool')
    expect(keys(await record('blocks 50'))).toEqual(real)
  })

  it('are the same for the same seed, whichever command fires them, and others for another', async () => {
    const told = (events: Recorded[]) =>
      events.map(({ probe, block_hash, hash_prefix, src, winner, udp_ns }) => [probe, block_hash, hash_prefix, src, winner, udp_ns])
    const [once, again, load, other] = await Promise.all([
      record('blocks 100', '--seed', '7'),
      record('blocks 100', '--seed', '7'),
      record('events 500 0', '--seed', '7'),
      record('blocks 100', '--seed', '8'),
    ])
    expect(told(again)).toEqual(told(once))
    expect(told(load)).toEqual(told(once).slice(0, 500))
    expect(other.map(prefixOf)).not.toContain(prefixOf(once[0] as Recorded))
  })

  it('carry their height and their pool in the coinbase', async () => {
    const events = await record('blocks 200', '--height', '901234')
    const coinbases = events.filter(({ probe }) => probe === 'udp:block_coinbase')
    const heights = new Map(
      events.map((event) => [event.block_hash, event.height]).filter(([hash, height]) => hash && height) as [string, number][],
    )
    for (const { block_hash, coinbase_hex } of coinbases) {
      const script = Buffer.from(String(coinbase_hex), 'hex')
      expect(script[0]).toBe(3)
      expect(script.readUIntLE(1, 3)).toBe(heights.get(String(block_hash)))
      expect(script.subarray(10).toString()).toMatch(/^\/[\w #]+\/$/)
    }
  })
})

describe('the node by itself', () => {
  it('relays a block every interval, says one line, and ends after as many as asked', async () => {
    const path = newPath()
    const args = ['--interval', '0.05', '--blocks', '3', '--always', '--record', path]
    const { stdout } = await run(join(root, 'dist/demo-node'), args)
    expect(stdout).toMatch(/^demo node: pid \d+, seed 1, relaying a block every 0\.05 s\n$/)
    const connected = recorded(path).filter(({ probe }) => probe === 'validation:block_connected')
    expect(connected.map(({ height }) => height)).toEqual([900_000, 900_001, 900_002])
    expect(Number(connected[2]?.ts_ns) - Number(connected[0]?.ts_ns)).toBeGreaterThan(80e6)
  })

  it("logs each block as bitcoind does, under bitcoind's own spelling of the option", async () => {
    await using demo = await startDemoNode({ args: [`-datadir=${directory}`, '--control'] })
    await demo.command('blocks 300')
    const lines = readFileSync(join(directory, 'debug.log'), 'utf8').split('\n')
    expect(lines.slice(0, 5)).toEqual(['', '', '', '', ''])
    for (const line of lines.slice(5, -1))
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (UDP: |UpdateTip: |Saw new |\[bench\] |\[cmpctblock\] |Demo node: )/)
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length
    const time = String.raw`(\d+\.\d\dms|n/a)`
    const races = count(
      new RegExp(
        `Z UDP: block=[0-9a-f]{64} height=\\d+ winner=\\S+ winner_peer=\\S.* udp=${time} udp_peer=\\S+ cmpct=${time} cmpct_peer=\\S.*$`,
      ),
    )
    expect(races).toBe(count(/winner=/))
    expect(races).toBeGreaterThan(200)
    expect(count(/UpdateTip: new best=[0-9a-f]{64} height=\d+ version=/)).toBe(300)
    expect(count(/\[bench\] - Connect block: \d+\.\d\dms \[/)).toBe(300)
    const reconstructions = lines.filter((line) => / reconstructed from /.test(line))
    expect(reconstructions.length).toBeGreaterThan(150)
    for (const line of reconstructions)
      expect(line).toMatch(/Z UDP: Block [0-9a-f]{64} reconstructed from \S+ with \d+ chunks in \d+\.\d{6} ms \(\d+ recvd from \d peers\)$/)
    expect(count(/Z UDP: block=[0-9a-f]{64} scriptsig=[0-9a-f]+$/)).toBe(reconstructions.length)
    expect(count(/Z UDP: Starting header send for block [0-9a-f]{64} at \d{16} us$/)).toBeGreaterThan(200)
  })

  it('opens its log again after SIGHUP', async () => {
    await using demo = await startDemoNode({ args: ['--datadir', directory, '--control'] })
    const log = join(directory, 'debug.log')
    renameSync(log, `${log}.1`)
    demo.kill('SIGHUP')
    await vi.waitFor(async () => {
      await demo.command('blocks 1')
      expect(existsSync(log)).toBe(true)
    }, 5000)
    const rotated = readFileSync(`${log}.1`, 'utf8')
    await demo.command('blocks 1')
    expect(readFileSync(log, 'utf8')).toMatch(/UpdateTip/)
    expect(readFileSync(`${log}.1`, 'utf8')).toBe(rotated)
  })

  it.for(['SIGTERM', 'SIGINT'] as const)('ends cleanly and at once on %s, even under load', async (signal) => {
    const path = newPath()
    await using demo = await startDemoNode({ args: ['--control', '--always', '--record', path] })
    await demo.command('blocks 1')
    const flood = demo.command('flood 60').catch((error: Error) => error.message)
    await vi.waitFor(() => expect(statSync(path).size).toBeGreaterThan(100_000), 5000)
    const before = performance.now()
    demo.kill(signal)
    expect(await demo.exited).toEqual({ code: 0, signal: null, stderr: '' })
    expect(performance.now() - before).toBeLessThan(500)
    expect(await flood).toMatch(/ended/)
    expect(() => recorded(path)).not.toThrow()
    expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true)
  })

  it('ends on quit and at the end of its input', async () => {
    const quit = run(join(root, 'dist/demo-node'), ['--control'])
    quit.child.stdin?.write('quit\n')
    const end = run(join(root, 'dist/demo-node'), ['--control'])
    end.child.stdin?.end()
    expect(await Promise.all([quit, end])).toEqual([expect.objectContaining({ stdout: '' }), expect.objectContaining({ stdout: '' })])
  })

  it.for([['--interval', 'soon'], ['--record', '/nowhere/events.jsonl'], ['-datadir=/nowhere'], ['--nonsense'], ['stray']])(
    'refuses %j and says why',
    async (args) => {
      await expect(startDemoNode({ args })).rejects.toThrow(/ended \(1\): .*demo-node: .*(soon|interval|nowhere|nonsense|stray)/)
    },
  )
})

describe('the driver', () => {
  it('starts many at once, each with its own answers', async () => {
    await using stack = new AsyncDisposableStack()
    const start = async () => stack.use(await startDemoNode({ args: ['--control', '--always'] }))
    const nodes = await Promise.all(Array.from({ length: 12 }, start))
    const answers = await Promise.all(nodes.map((node, i) => node.command(`blocks ${i}`)))
    expect(answers.map(({ blocks }) => blocks)).toEqual(nodes.map((_, i) => i))
  })

  it('leaves no process behind', async () => {
    const node = await startDemoNode({ args: ['--interval', '60'] })
    await node[Symbol.asyncDispose]()
    expect(await node.exited).toMatchObject({ signal: 'SIGKILL' })
    expect(() => process.kill(node.pid, 0)).toThrow('ESRCH')
  })

  it('says so when the node ends without an answer', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    const answer = node.command('wait 8 60')
    node.kill('SIGKILL')
    await expect(answer).rejects.toThrow('ended (SIGKILL)')
    await expect(node.command('semaphores')).rejects.toThrow('has ended')
  })
})
