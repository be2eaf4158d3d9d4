import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, type TestContext } from 'vitest'
import { need } from '../harness/needs.ts'
import { cached } from './cache.ts'
import { kernelOf } from './kernel.ts'
import type { Machine } from './machines.ts'
import { type Boot, boot, emulators, hasEmulator } from './qemu.ts'
import { Unavailable } from './run.ts'

const reports = join(import.meta.dirname, '../../.reports')

export interface Run extends Pick<Boot, 'append' | 'memoryMb' | 'timeoutMs'> {
  /** Writes what the machine has in memory when it boots. */
  readonly writeInitramfs: (path: string) => Promise<void>
}

/** What a machine said: lines of JSON, and the last of all lines of its console, for the message of a failure. */
export interface Said {
  readonly said: readonly object[]
  readonly end: string
}

/** Boots a machine and returns what it says until it switches itself off. Its console output is kept among the reports. */
export async function runMachine(machine: Machine, context: TestContext, { writeInitramfs, ...options }: Run): Promise<Said> {
  const { program, package: name } = emulators[machine.arch]
  need(context, hasEmulator(machine.arch), `it takes ${program}: install ${name}`)
  const initramfs = cached(`initramfs-${machine.name}.${process.pid}`)
  onTestFinished(() => rmSync(initramfs, { force: true }))
  const prepare = async () => {
    const kernel = await kernelOf(machine)
    await writeInitramfs(initramfs)
    return kernel
  }
  const kernel = await prepare().catch((error: Error) => {
    need(context, !(error instanceof Unavailable), error.message)
    throw error
  })
  const start = performance.now()
  const { lines, accelerator } = await boot({ arch: machine.arch, kernel, initramfs, ...options })
  const seconds = Math.round((performance.now() - start) / 1000)
  mkdirSync(reports, { recursive: true })
  writeFileSync(join(reports, `machine-${machine.name}.log`), `${lines.join('\n')}\n`)
  const said = lines.filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line))
  console.log(`${machine.name}: ${seconds} s with ${accelerator}\n${said.map((line) => JSON.stringify(line)).join('\n')}`)
  return { said, end: lines.slice(-20).join('\n') }
}
