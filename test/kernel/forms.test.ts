import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { MAX_SITES } from '../../agent/sources/ebpf/attach/sites.ts'
import { SpecPool } from '../../agent/sources/ebpf/attach/spec-pool.ts'
import { readNotes } from '../../agent/sources/ebpf/binary/notes.ts'
import { forms, openProgram } from '../../agent/sources/ebpf/program/program.ts'
import { defineTracepoint, integer } from '../../agent/tracepoints/define.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { compileDemoNode } from '../demo-node/compile.ts'
import { attachable, type DemoNode, probes, startDemoNode } from '../demo-node/demo-node.ts'
import { fieldsIn, fieldsOf, readRecording } from '../demo-node/recording.ts'
import { silentLog } from '../harness/captured-log.ts'
import { formName, image, Listener, requireBpf, total, unattached } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

const root = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'forms-'))
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(requireBpf)

let files = 0
const newPath = () => join(directory, String(files++))

const cases = forms.map((form) => [formName(form), form] as const)
const eachProbe = (value: number) => Object.fromEntries(probes.map((probe) => [probe, value]))
const attachedProbes = ({ probes }: ReturnType<Listener['attach']>) =>
  probes
    .filter(({ attached }) => attached)
    .map(({ probe }) => probe)
    .sort()

describe.for(cases)('attached in the form %s', ([, form]) => {
  it('every field of all eight tracepoints is what the node fired, from whichever thread', async () => {
    const recording = newPath()
    await using node = await startDemoNode({ args: ['--control', '--record', recording, '--threads', '2'] })
    await using listener = new Listener({ forms: [form] })
    expect(attachedProbes(listener.attach(node))).toEqual([...attachable].sort())
    expect(listener.source.form).toEqual(form)
    await node.command('blocks 100')
    await node.command('events 500 0')
    const fired = readRecording(recording)
    await until(() => listener.heard.length >= fired.length, 'all events')

    const keyOf = (fields: object) => JSON.stringify(fields)
    const told = listener.heard.map(({ event }) => keyOf({ probe: event.probe, ...fieldsIn(event) }))
    expect(told.sort()).toEqual(fired.map((event) => keyOf({ probe: event.probe, ...fieldsOf(event) })).sort())
    expect(new Set(fired.map(({ probe }) => probe)).size).toBe(8)
    expect(listener.heard.filter(({ failed }) => failed.length > 0)).toEqual([])
    expect(listener.errors).toEqual([])
    expect(listener.lost).toBe(0)
  })

  it('an event is stamped when it is fired', async () => {
    const recording = newPath()
    await using node = await startDemoNode({ args: ['--control', '--record', recording] })
    await using listener = new Listener({ forms: [form] })
    listener.attach(node)
    await node.command('blocks 20')
    const times = readRecording(recording).map(({ ts_ns }) => ts_ns)
    await until(() => listener.heard.length >= times.length, 'all events')
    listener.heard.forEach(({ event }, i) => {
      expect(event.stampNs).toBeGreaterThanOrEqual(times[i] as number)
      expect(event.stampNs).toBeLessThan(times[i + 1] ?? Number.POSITIVE_INFINITY)
    })
  })

  it('semaphores are 1 as long as it is attached, and 0 afterwards', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener({ forms: [form] })
    const attachment = listener.attach(node)
    expect(await node.command('semaphores')).toMatchObject(eachProbe(1))
    expect(attachment.silentProbes()).toEqual([])
    await attachment.close()
    // The kernel takes perf events back a moment later.
    await until(async () => Object.values(await node.command('semaphores')).every((value) => value !== 1), 'the semaphores to fall')
    expect(await node.command('semaphores')).toMatchObject(eachProbe(0))
    expect(attachment.silentProbes()).toHaveLength(attachable.length)
  })

  it('events are told apart by process, and one that is not attached to stays unheard', async () => {
    await using attached = await startDemoNode({ args: ['--control', '--seed', '1'] })
    await using other = await startDemoNode({ args: ['--control', '--seed', '2'] })
    await using stranger = await startDemoNode({ args: ['--control', '--seed', '3', '--always'] })
    await using listener = new Listener({ forms: [form] })
    listener.attach(attached, 'A')
    listener.attach(other, 'B')
    const fired = await Promise.all([attached.command('blocks 50'), other.command('blocks 70'), stranger.command('blocks 90')])
    const [a = 0, b = 0, c = 0] = fired.map(({ events }) => total(events))
    expect(c).toBeGreaterThan(0)
    await until(() => listener.heard.length >= a + b, 'the events of both')
    listener.source.drain()
    const heardOf = (name: string) => listener.heard.filter(({ event }) => event.node === name).length
    expect([heardOf('A'), heardOf('B'), listener.heard.length]).toEqual([a, b, a + b])
  })

  it(`text in memory that was not touched yet ${form.sleepable ? 'is read' : 'is missing, and named'}`, async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener({ forms: [form] })
    listener.attach(node)
    const { sent } = await node.command('odd cold-text')
    await until(() => listener.heard.length >= sent.length, 'all events')
    const heard = Object.fromEntries(listener.heard.map((one) => [one.event.probe, one]))
    const reconstructed = heard['udp:block_reconstructed']
    const winner = heard['udp:block_race_winner']
    expect([reconstructed?.event.peer, winner?.event.winnerPeer]).toEqual(
      form.sleepable ? ['192.0.2.99:8433', '192.0.2.199:8433'] : [undefined, undefined],
    )
    expect([reconstructed?.failed, winner?.failed]).toEqual(form.sleepable ? [[], []] : [['peer'], ['winnerPeer']])
    expect(reconstructed?.event.chunksUsed).toBeGreaterThan(0)
  })
})

describe('places of specs', () => {
  it('are enough for 128 processes, each with its share, and free again after they were given back', async () => {
    const program = openProgram({ image, ringSize: 256 << 10, log: silentLog })
    const specs = new SpecPool(program.fds.specs, program.fds.states, program.specCount, program.layouts.state)
    const take = () => specs.take({ node: 'n', eventType: 'e' }, Buffer.alloc(program.layouts.spec.size))
    const taken = Array.from({ length: 128 * MAX_SITES }, take)
    expect(new Set(taken).size).toBe(128 * MAX_SITES)
    expect(take).toThrow('too many processes are being traced')
    specs.release(taken[7] as number)
    expect(take()).toBe(taken[7])
    specs.close()
    program.close()
  })

  it('and descriptors are given back by each close', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener()
    const openFds = () => readdirSync('/proc/self/fd').length
    const before = openFds()
    for (let round = 0; round < 40; round++) {
      const attachment = listener.attach(node)
      expect(attachedProbes(attachment)).toHaveLength(attachable.length)
      await attachment.close()
    }
    expect(openFds()).toBe(before)
    listener.attach(node)
    const { events } = await node.command('blocks 10')
    await until(() => listener.heard.length >= total(events), 'events of the last attachment')
    expect(listener.heard).toHaveLength(total(events))
  })
})

describe('the ring', () => {
  it('has the size asked for, rounded up to a power of two', () => {
    for (const [asked, real] of [
      [256 << 10, 256 << 10],
      [300_000, 512 << 10],
    ] as const) {
      const program = openProgram({ image, ringSize: asked, log: silentLog })
      expect(program.ringSize).toBe(real)
      program.close()
    }
  })

  it('of 256 KiB loses nothing that it holds, counts what it cannot, and goes on', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener({ ringSize: 256 << 10 })
    listener.attach(node)
    const sent = { ...eachProbe(0) }
    const fire = async (command: 'events 400 0' | 'events 20000 0' | 'blocks 3') => {
      const { events } = await node.command(command)
      for (const probe of probes) sent[probe] = (sent[probe] ?? 0) + events[probe]
      await until(() => listener.heard.length + listener.lost >= total(sent), `the events of ${command}`)
    }
    await fire('events 400 0')
    expect([listener.heard.length, listener.lost]).toEqual([400, 0])
    await fire('events 20000 0')
    const { lost } = listener
    await fire('blocks 3')
    expect(listener.lost).toBe(lost)
    for (const probe of probes) {
      const heard = listener.heard.filter(({ event }) => event.probe === probe).length
      const { eventType } = tracepoints.find((tracepoint) => tracepoint.probe === probe) ?? {}
      const missed = listener.losses().find((loss) => loss.eventType === eventType)
      expect(heard + (missed?.lost ?? 0)).toBe(sent[probe])
    }
  })
})

it('a tracepoint with more arguments than a record has room for is refused at the start, by its name', () => {
  const args = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`number${i}`, integer('A number.')]))
  const wide = defineTracepoint({ probe: 'demo:wide', group: 'fibre', description: '', args })
  expect(() => new Listener({ tracepoints: [...tracepoints, wide] })).toThrow(/no room for all arguments of demo:wide \(number12\)$/)
})

describe('what a binary lacks', () => {
  /** A copy of the demo node with one byte changed. */
  const patched = (change: (bytes: Buffer) => void) => {
    const binary = newPath()
    copyFileSync(join(root, 'dist/demo-node'), binary)
    const bytes = readFileSync(binary)
    change(bytes)
    writeFileSync(binary, bytes)
    return binary
  }

  const expectOthersToWork = async (node: DemoNode, listener: Listener, refused: string) => {
    const others = probes.filter((probe) => probe !== refused)
    expect(await node.command('semaphores')).toMatchObject({ ...eachProbe(1), [refused]: 0 })
    for (const probe of others) await node.command(`hit ${probe} 3`)
    await until(() => listener.heard.length >= 3 * others.length, 'hits of the others')
    expect([...new Set(listener.heard.map(({ event }) => event.probe))].sort()).toEqual([...others].sort())
  }

  it('costs an older build its one tracepoint and its missing height, which is no failure', async () => {
    const recording = newPath()
    await using node = await startDemoNode({ binary: compileDemoNode(newPath(), '-DOLDER'), args: ['--control', '--record', recording] })
    await using listener = new Listener()
    const attachment = listener.attach(node)
    expect(attachedProbes(attachment)).toHaveLength(attachable.length - 1)
    expect(unattached(attachment)).toEqual([
      { probe: 'udp:block_reconstruction_detail', offered: false, attached: false, reason: 'this build of bitcoind does not have it' },
    ])
    expect(attachment.probes.filter(({ missingFields }) => missingFields)).toEqual([])
    await node.command('blocks 50')
    const fired = readRecording(recording)
    await until(() => listener.heard.length >= fired.length, 'all events')
    expect(listener.heard.map(({ event }) => fieldsIn(event))).toEqual(fired.map(fieldsOf))
    const reconstructed = listener.heard.filter(({ event }) => event.probe === 'udp:block_reconstructed')
    expect(reconstructed.length).toBeGreaterThan(10)
    expect(new Set(reconstructed.map(({ event }) => event.height))).toEqual(new Set([undefined]))
    expect(listener.heard.filter(({ failed }) => failed.length > 0)).toEqual([])
  })

  it('leaves a stock build with those of Bitcoin Core', async () => {
    await using node = await startDemoNode({ binary: compileDemoNode(newPath(), '-DSTOCK'), args: ['--control'] })
    await using listener = new Listener()
    expect(attachedProbes(listener.attach(node))).toEqual(attachable.filter((probe) => !probe.startsWith('udp:')).toSorted())
    await node.command('blocks 10')
    await until(() => listener.heard.length >= 10, 'ten blocks')
    expect(listener.heard.map(({ event }) => event.height)).toEqual(Array.from({ length: 10 }, (_, i) => 900_000 + i))
  })

  it('is refused where the instruction at its place is no nop, and costs only itself', async () => {
    const refused = 'udp:block_coinbase'
    const site = readNotes(join(root, 'dist/demo-node')).sites.find(({ provider, name }) => `${provider}:${name}` === refused)
    const offset = Number(site?.offset)
    const binary = patched((bytes) => {
      expect(bytes[offset]).toBe(0x90)
      bytes[offset] = 0xcc
    })
    await using node = await startDemoNode({ binary, args: ['--control'] })
    await using listener = new Listener()
    const state = listener.attach(node).probes.find(({ probe }) => probe === refused)
    expect(state).toMatchObject({ offered: true, attached: false, reason: expect.stringContaining(`0x${offset.toString(16)}`) })
    await expectOthersToWork(node, listener, refused)
  })

  it('is refused where the kernel takes no semaphore, at an odd address, and costs only itself', async () => {
    const refused = 'udp:block_send_start'
    const binary = patched((bytes) => {
      // In the note it is the last of three addresses before the names.
      const semaphore = bytes.indexOf('udp\0block_send_start\0') - 8
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(semaphore) + 1n, semaphore)
    })
    await using node = await startDemoNode({ binary, args: ['--control'] })
    await using listener = new Listener()
    const state = listener.attach(node).probes.find(({ probe }) => probe === refused)
    expect(state).toEqual({ probe: refused, offered: true, attached: false, reason: expect.stringMatching(/semaphore .* odd address/) })
    await expectOthersToWork(node, listener, refused)
  })
})
