import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { compileDemoNode } from '../demo-node/compile.ts'
import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'
import { Listener, requireBpf, unattached } from '../harness/listening.ts'
import { stage } from '../harness/stage.ts'

beforeEach(requireBpf)

interface Mapping {
  readonly start: number
  readonly inode: number
}

function mappingsOf(pid: number): readonly Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'latin1').matchAll(/^(\w+)-\w+ \S{4} \w+ \S+ (\d+)/gm)
  return [...lines].map(([, start, inode]) => ({ start: Number(`0x${start}`), inode: Number(inode) }))
}

/** Undoes the kernel's work for tracers: the node believes that nobody listens to the probe. */
function clearSemaphore({ pid }: DemoNode, name: string): void {
  const executable = `/proc/${pid}/exe`
  const { ino } = statSync(executable)
  const header = execFileSync('readelf', ['-h', executable], { encoding: 'utf8' })
  const base = /Type: +EXEC/.test(header) ? 0 : (mappingsOf(pid).find(({ inode }) => inode === ino)?.start ?? Number.NaN)
  const symbol = execFileSync('nm', [executable], { encoding: 'utf8' }).match(new RegExp(`^(\\w+) . ${name}_semaphore$`, 'm'))
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  writeSync(memory, new Uint8Array(2), 0, 2, base + Number(`0x${symbol?.[1]}`))
  closeSync(memory)
}

/** None is silent as the kernel left them, and the one is that does not fire. */
async function expectTruth(node: DemoNode): Promise<void> {
  await using listener = new Listener()
  const attachment = listener.attach(node)
  expect(unattached(attachment)).toEqual([])
  await node.command('blocks 10')
  expect(attachment.silentProbes()).toEqual([])
  clearSemaphore(node, 'udp_block_race_time')
  expect(attachment.silentProbes()).toEqual(['udp:block_race_time'])
}

describe('a semaphore is found', () => {
  it('in a static program at a random address, below which its heap lies', async () => {
    const { path } = stage()
    const binary = compileDemoNode(path('bitcoind'), '-static-pie', join(import.meta.dirname, 'grown-heap.c'))
    await using node = await startDemoNode({ binary, args: ['--control'] })
    expect(mappingsOf(node.pid)[0]?.inode).toBe(0) // or this would show nothing
    await expectTruth(node)
  })

  it('in a program at a fixed address', async () => {
    const binary = compileDemoNode(stage().path('bitcoind'), '-no-pie')
    await using node = await startDemoNode({ binary, args: ['--control'] })
    await expectTruth(node)
  })

  it('in a program that was upgraded while it runs, and whose path holds a space, a line break and brackets', async () => {
    const { install, path } = stage()
    const binary = install('a b\n[heap] c', 'bitcoind')
    await using node = await startDemoNode({ binary, args: ['--control'] })
    renameSync(install('newer'), binary)
    await expectTruth(node)
    rmSync(path('a b\n[heap] c'), { recursive: true })
  })

  it('in a program that only another mount namespace has', async () => {
    const { folder, install } = stage()
    const hidden = folder('hidden')
    const script = 'mount -t tmpfs none "$1" && cp "$2" "$1/bitcoind" && shift 2 && exec "$0" "$@"'
    const words = [`${hidden}/bitcoind`, hidden, install('original'), '--control']
    await using node = await startDemoNode({ binary: 'unshare', args: ['--mount', 'sh', '-c', script, ...words] })
    await expectTruth(node)
  })
})
