import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, type TestContext, vi } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { openCapture } from '../../../agent/capture/capture.ts'
import { type Claim, formatClaim, ownClaim } from '../../../agent/files/claim.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { mountMemory } from '../../harness/mounted.ts'
import { need } from '../../harness/needs.ts'
import { until } from '../../harness/until.ts'
import { blockAt, journalWith } from '../journal/blocks-journal.ts'
import { append, linesIn, openLoggedJournal } from '../journal/logged-journal.ts'
import { openLoggedWebhook } from '../webhook/logged-webhook.ts'

/** Processes are started, and answers waited for. */
vi.setConfig({ testTimeout: 60_000 })

interface Agent {
  readonly child: ChildProcess
  /** Its output: `written` once it has written, or the reason that it cannot. */
  readonly said: Promise<string>
}

const NO_NAMESPACE: readonly string[] = []
/** A pid namespace of its own, as a container has. Its /proc shows nothing of other processes. */
const OWN_NAMESPACE = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Starts a process that opens the journal and writes some blocks to it. */
function start(path: string, node: string, prefix = NO_NAMESPACE, count = 10): Agent {
  const words = [...prefix, process.execPath, join(import.meta.dirname, 'writing.ts'), path, node, String(count)]
  const child = spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = once(child.stdout.setEncoding('utf8'), 'data').then(([text]) => text.trim())
  return { child, said }
}

async function end({ child }: Agent, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const closed = once(child, 'close')
  child.kill(signal)
  await closed
}

/** The claim of a process that runs. */
async function claimOf({ child }: Agent): Promise<Claim> {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return { ...(await ownClaim()), pid: child.pid as number, startTicks }
}

const refusal = (path: string, holder: string) =>
  `another agent writes ${path}: ${holder}; stop that one, or name another file with --journal PATH`
const nodesIn = (path: string) => [...new Set((linesIn(path) as readonly BlockRecord[]).map(({ node }) => node))]
const unsharing = async (context: TestContext) => {
  const child = spawn('unshare', [...OWN_NAMESPACE.slice(1), 'true'], { stdio: 'ignore' })
  const [code] = await once(child, 'close')
  need(context, code === 0, 'it takes root that may make namespaces')
}

describe('a second agent with one journal', () => {
  it('is refused in words, and the first writes on', async () => {
    const path = journalWith('')
    const first = start(path, 'first')
    expect(await first.said).toBe('written')
    expect(await start(path, 'second').said).toBe(refusal(path, `pid ${first.child.pid}`))
    await end(first, 'SIGTERM')
    expect(nodesIn(path)).toEqual(['first'])
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('is refused however many start at one moment, also beside the lock of a dead one', async () => {
    const path = journalWith('')
    const dead = start(path, 'dead')
    await dead.said
    await end(dead, 'SIGKILL')
    const agents = Array.from({ length: 8 }, (_, i) => start(path, `${i}`))
    const said = await Promise.all(agents.map((agent) => agent.said))
    expect(said.filter((text) => text === 'written')).toHaveLength(1)
    expect(nodesIn(path)).toEqual(['dead', `${said.indexOf('written')}`])
  })

  it('begins at once after the first was killed', async () => {
    const path = journalWith('')
    const first = start(path, 'first')
    await first.said
    await end(first, 'SIGKILL')
    expect(existsSync(`${path}.lock`)).toBe(true)
    const before = performance.now()
    const second = start(path, 'second')
    expect(await second.said).toBe('written')
    expect(performance.now() - before).toBeLessThan(3_500) // less than an answer is waited for
    await end(second, 'SIGTERM')
    expect(nodesIn(path)).toEqual(['first', 'second'])
  })

  it('is refused across containers while the first runs, and begins seconds after it was killed', async (context) => {
    await unsharing(context)
    const path = journalWith('')
    const first = start(path, 'first', OWN_NAMESPACE)
    expect(await first.said).toBe('written')
    const second = start(path, 'second', OWN_NAMESPACE)
    expect(await second.said).toBe(refusal(path, 'pid 1 in another container or on another machine'))
    await end(first, 'SIGKILL')
    expect(await start(path, 'third', OWN_NAMESPACE).said).toBe('written')
    expect(nodesIn(path)).toEqual(['first', 'third'])
  })
})

describe('a lock that was left', () => {
  it.for([
    ['by a process whose pid another one has now', (own: object) => ({ ...own, pid: process.ppid })],
    ['before the machine was started again', (own: object) => ({ ...own, boot: 'another' })],
    ['without what tells the process', () => ({ pid: 1 })],
  ] as const)('%s is taken over', async ([, change]) => {
    const path = journalWith('')
    writeFileSync(`${path}.lock`, formatClaim(change(await ownClaim()) as Awaited<ReturnType<typeof ownClaim>>))
    const agent = start(path, 'n')
    expect(await agent.said).toBe('written')
    expect(
      readFileSync(`${path}.lock`, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).pid),
    ).toEqual([agent.child.pid])
  })

  it.for([
    ['torn', '{"file":"lock of fi'],
    ['empty', ''],
    ['zeros, as a power cut leaves them', '\0'.repeat(200)],
  ] as const)('%s is taken over', async ([, content]) => {
    const path = journalWith('')
    writeFileSync(`${path}.lock`, content)
    const { logged } = await openLoggedJournal(path)
    expect(logged).toEqual([])
    expect(await start(path, 'second').said).toBe(refusal(path, `pid ${process.pid}`))
  })
})

it('a lock file that was deleted is made anew with the next record', async () => {
  const path = journalWith('')
  const { journal } = await openLoggedJournal(path)
  rmSync(`${path}.lock`)
  await until(async () => {
    await append(journal, blockAt(0))
    return existsSync(`${path}.lock`)
  }, 'the lock file')
  expect(await start(path, 'second').said).toBe(refusal(path, `pid ${process.pid}`))
})

describe('a file that cannot be locked at the start is locked as soon as that is possible, also while nothing is written', () => {
  const kinds = [
    ['a journal', async (path: string) => (await openLoggedJournal(path, { retryMs: 20 })).logged],
    [
      'a recording',
      async (path: string) => {
        const { log, lines } = captureLog()
        const capture = await openCapture({ file: path, log, retryMs: 20 })
        onTestFinished(() => capture.close())
        return lines
      },
    ],
    ['a webhook queue', async (path: string) => (await openLoggedWebhook({ url: 'http://127.0.0.1:1', queueFile: path })).logged],
  ] as const
  const locked = (path: string) => existsSync(`${path}.lock`) && readFileSync(`${path}.lock`, 'utf8').includes(`"pid":${process.pid},`)

  it.for(kinds)('%s on a full disk', async ([, openFile], context) => {
    const directory = mountMemory(context)
    const path = join(directory, 'file')
    expect(() => writeFileSync(join(directory, 'filler'), Buffer.alloc(2 ** 17))).toThrow('ENOSPC')
    const logged = await openFile(path)
    expect(locked(path)).toBe(false)
    rmSync(join(directory, 'filler'))
    await until(() => locked(path) && logged.at(-1)?.level === 30, 'the lock')
    expect(await start(path, 'second').said).toBe(refusal(path, `pid ${process.pid}`))
  })

  it.for(kinds)('%s with something else in the place of the lock file', async ([, openFile]) => {
    const path = join(dirname(journalWith('')), 'file')
    writeFileSync(`${path}.lock`, 'precious\n')
    const logged = await openFile(path)
    expect(logged).toMatchObject([{ level: 40, reason: 'it holds something else', msg: expect.stringContaining('cannot lock') }])
    rmSync(`${path}.lock`)
    await until(() => locked(path) && logged.length === 2, 'the lock')
    expect(logged[1]).toMatchObject({ level: 30, msg: expect.stringContaining('is locked against a second agent') })
  })
})

it('of two agents that could not lock a journal, the second writes no more once it can be locked', async () => {
  const path = journalWith('')
  writeFileSync(`${path}.lock`, 'precious\n')
  const first = start(path, 'first')
  expect(await first.said).toBe('written')
  const { journal, logged } = await openLoggedJournal(path, { retryMs: 20 })
  writeFileSync(`${path}.claim`, formatClaim(await claimOf(first)))
  renameSync(`${path}.claim`, `${path}.lock`)
  await until(() => journal.fault !== undefined, 'the refusal')
  await append(journal, blockAt(0))
  expect(journal.fault).toBe(refusal(path, `pid ${first.child.pid}`))
  expect(logged.at(-1)).toMatchObject({ level: 50, reason: journal.fault })
  expect(nodesIn(path)).toEqual(['first'])
  await end(first, 'SIGKILL')
  await until(() => journal.fault === undefined, 'the lock')
  expect(nodesIn(path)).toEqual(['first', 'fra1'])
})

it('something else in the place of the lock file is left as it is; the journal is written all the same, and that is said', async () => {
  const path = journalWith('')
  writeFileSync(`${path}.lock`, 'precious\n')
  const { journal, logged } = await openLoggedJournal(path)
  await append(journal, blockAt(0))
  await journal.close()
  expect(linesIn(path)).toEqual([blockAt(0)])
  expect(readFileSync(`${path}.lock`, 'utf8')).toBe('precious\n')
  expect(logged).toEqual([
    {
      level: 40,
      journal: path,
      reason: 'it holds something else',
      msg: 'cannot lock the journal: a second agent would write each block again',
    },
  ])
})
