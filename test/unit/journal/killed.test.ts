import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, it, onTestFinished, vi } from 'vitest'
import { randomFrom } from '../../harness/random.ts'
import { journalWith } from './blocks-journal.ts'
import { linesIn } from './logged-journal.ts'

const KILLS = 8
const LONGEST_LIFE_MS = 1_500

/** Processes are started. */
vi.setConfig({ testTimeout: 60_000 })

/** Kills a process at that time after its first drain. Returns how many records it had handed over before its last drain. */
async function killAfter(ms: number, path: string): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'draining.ts'), path], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child.stdout, 'data')
  await setTimeout(ms)
  child.kill('SIGKILL')
  await once(child, 'close')
  return Number(said.trim().split('\n').at(-1))
}

it('loses at most the records of the last drain when its process is killed', async () => {
  const moments = randomFrom(1)
  const kills = Array.from({ length: KILLS }, async () => {
    const path = journalWith('')
    const before = await killAfter(moments() * LONGEST_LIFE_MS, path)
    expect(linesIn(path).length).toBeGreaterThanOrEqual(before)
    return before
  })
  expect(Math.max(...(await Promise.all(kills)))).toBeGreaterThan(0)
})
