import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { attachedByDefault, probes, startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { Listener, requireBpf, total } from '../harness/listening.ts'
import { attached, ended, readiness, stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { OtherTracer } from './other-tracer.ts'

const directory = mkdtempSync(join(tmpdir(), 'held-page-'))
const binary = join(directory, 'held-page')
beforeAll(() => {
  execFileSync('clang', ['-O2', '-Wall', '-Werror', '-pthread', join(import.meta.dirname, 'held-page.c'), '-o', binary])
})
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(requireBpf)

const heldHash = '00000000000000000001a2b3c4d5e6f700000000000000000001a2b3c4d5e6f7'
const otherHash = '000000000000000000091a2b3c4d5e6f000000000000000000091a2b3c4d5e6f'

it('a page that is held back from one node keeps nothing of another node waiting, and is read when it comes', async () => {
  await using listener = new Listener({ forms: forms.filter(({ sleepable }) => sleepable) })
  await using held = await startDemoNode({ binary, args: ['--control'] })
  await using other = await startDemoNode({ args: ['--control'] })
  listener.attach(held, 'held')
  listener.attach(other, 'other')
  await held.command('hit')

  try {
    const { events } = await other.command('blocks 50')
    await until(() => listener.heard.length >= total(events), 'the events of the other node')
    expect(listener.heard).toHaveLength(total(events))
    expect(new Set(listener.heard.map(({ event }) => event.node))).toEqual(new Set(['other']))
  } finally {
    await held.command('release')
  }
  await until(() => listener.heard.some(({ event }) => event.node === 'held'), 'the event that waited')
  expect(listener.heard.at(-1)).toMatchObject({
    event: { probe: 'udp:block_send_start', blockHash: heldHash, startUs: 5 },
    failed: [],
  })
  expect(listener.lost).toBe(0)
})

it('a hit that sleeps has its own arguments when it wakes, although another thread hit on the same CPU meanwhile', async () => {
  await using listener = new Listener({ forms: forms.filter(({ sleepable }) => sleepable) })
  await using held = await startDemoNode({ binary, args: ['--control'] })
  listener.attach(held)
  await held.command('hit')
  await held.command('pass')
  await held.command('release')
  await until(() => listener.heard.length >= 2, 'both events')
  expect(listener.heard.map(({ event }) => [event.blockHash, event.startUs]).sort()).toEqual([
    [heldHash, 5],
    [otherHash, 7],
  ])
})

it('a bitcoind that comes meanwhile is attached to, although the kernel refuses one of its tracepoints', async () => {
  const installed = stage().install('bitcoind')
  await using held = await startDemoNode({ binary, args: ['--control'] })
  await using agent = await startAgentProcess({ args: ['--node', `held=${binary}`, '--node', `other=${installed}`] })
  await agent.logged(({ msg, node }) => msg === 'attached to bitcoind' && node === 'held')
  await held.command('hit')
  try {
    agent.kill('SIGSTOP') // so that the other tracer comes first
    await using other = await startDemoNode({ binary: installed, args: ['--control'] })
    const tracer = new OtherTracer(other, ['udp:block_race_time'])
    agent.kill('SIGCONT')
    expect(await agent.logged(({ msg, node }) => msg === 'attached to bitcoind' && node === 'other')).toMatchObject({
      probes: attachedByDefault.length - 1,
    })
    const { text } = await readiness(agent)
    expect(text).toMatch(/^other: udp:block_race_time is not attached: another tracer/m)
    void tracer.close() // done when the page is there
  } finally {
    await held.command('release')
  }
})

it('/ready says in which tracepoint of which node a thread waits for a page, until the page is there', async () => {
  const installed = stage().install('bitcoind')
  await using held = await startDemoNode({ binary, args: ['--control'] })
  await using agent = await startAgentProcess({ args: ['--node', `held=${binary}`, '--node', `other=${installed}`] })
  await agent.logged(({ msg, node }) => msg === 'attached to bitcoind' && node === 'held')
  const waiting = /^held: a thread of bitcoind has been waiting in udp:block_send_start for ([5-9]|\d\d) s for a page of its memory/m
  const says = async () => waiting.test((await readiness(agent)).text)
  await held.command('hit')
  try {
    expect(await says()).toBe(false)
    await until(says, 'the reason', 15_000)
    await held.command('pass') // another thread that passes by is not taken for the one that waits
    expect(await says()).toBe(true)
  } finally {
    await held.command('release')
  }
  expect(await says()).toBe(false)
})

it("the place of a spec at which a hit sleeps is no other attachment's until it wakes", async () => {
  await using listener = new Listener({ forms: forms.filter(({ multi, sleepable }) => multi && sleepable) })
  await using held = await startDemoNode({ binary, args: ['--control'] })
  await using other = await startDemoNode({ args: ['--control'] })
  const attachment = listener.attach(held, 'held')
  await held.command('hit')
  let expected: number
  try {
    await attachment.close()
    const next = listener.attach(other, 'other')
    expect(next.heldProbes?.()).toEqual([])
    expected = total((await other.command('blocks 5')).events)
  } finally {
    await held.command('release')
  }
  await until(() => listener.heard.length >= expected, 'the events of the other node')
  expect(new Set(listener.heard.map(({ event }) => event.node))).toEqual(new Set(['other']))
  expect(listener.heard.filter(({ failed }) => failed.length > 0)).toEqual([])
})

describe('an agent that ends while a thread of a node sleeps in a tracepoint', () => {
  /** Without the pins it would last until the page comes. */
  const SOON_MS = 5000

  it.for(['SIGTERM', 'SIGKILL'] as const)('does so at once with %s, and leaves the nodes as they were', async (signal) => {
    await using held = await startDemoNode({ binary, args: ['--control'] })
    const installed = stage().install('bitcoind')
    await using other = await startDemoNode({ binary: installed, args: ['--control'] })
    await using agent = await startAgentProcess({ args: ['--node', `held=${binary}`, '--node', `other=${installed}`] })
    await attached(other)
    await agent.logged(({ msg, node }) => msg === 'attached to bitcoind' && node === 'held')
    await held.command('hit')
    try {
      const { text } = await readiness(agent)
      expect(text).not.toMatch(/waiting to be read|semaphore/)
      agent.kill(signal)
      let hasEnded = false
      const end = agent.exited.then((exit) => {
        hasEnded = true
        return exit
      })
      await until(() => hasEnded, 'the agent to end', SOON_MS)
      expect(await end).toMatchObject(signal === 'SIGTERM' ? { code: 0 } : { signal })
      const semaphores = async () => {
        const values = await other.command('semaphores')
        return probes.map((probe) => values[probe])
      }
      await until(async () => (await semaphores()).every((value) => value === 0), 'the kernel to detach from the other node')
    } finally {
      await held.command('release')
    }
    expect(await ended(other)).toEqual({ code: 0, signal: null })
  })
})
