import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { need } from '../harness/needs.ts'
import { cached } from './cache.ts'
import { writeInitramfs } from './initramfs.ts'
import { kernelOf } from './kernel.ts'
import { type Machine, machines } from './machines.ts'
import { boot, emulators, hasEmulator } from './qemu.ts'
import { Unavailable } from './run.ts'

/** MACHINES names those to boot, EVENTS says how many each fires from three threads, and again from eight. */
const chosen = process.env.MACHINES?.split(/[ ,]+/).filter(Boolean) ?? machines.map(({ name }) => name)
const events = Number(process.env.EVENTS || 36_000)
/** 36,000 events of three and of eight threads take less than a minute on two cores; those may have others at work. */
const timeoutMs = 600_000 + events * 30
const reports = join(import.meta.dirname, '../../.reports')

it.for(machinesOf(chosen))(
  '$name: what three and eight threads fire at once arrives as it was fired, every field',
  { timeout: timeoutMs + 600_000 },
  async (machine, context) => {
    const { program, package: name } = emulators[machine.arch]
    need(context, hasEmulator(machine.arch), `it takes ${program}: install ${name}`)
    const parts = await prepare(machine).catch((error: Error) => {
      need(context, !(error instanceof Unavailable), error.message)
      throw error
    })
    const start = performance.now()
    const { lines, accelerator } = await boot({ ...machine, ...parts, append: appended(machine), timeoutMs })
    const seconds = Math.round((performance.now() - start) / 1000)
    mkdirSync(reports, { recursive: true })
    writeFileSync(join(reports, `machine-${machine.name}.log`), `${lines.join('\n')}\n`)
    const said = lines.filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line))
    console.log(`${machine.name}: ${seconds} s with ${accelerator}\n${said.map((line) => JSON.stringify(line)).join('\n')}`)

    const right = { fired: events, heard: events, lost: 0, mixed: 0, miscounted: [] }
    expect(said, lines.slice(-20).join('\n')).toMatchObject([
      machine.preemption ? { preemption: machine.preemption } : {},
      { threads: 3, ...right },
      { threads: 8, ...right },
      { labels: expect.any(Number), miscounted: [] },
      { warnings: [] },
    ])
  },
)

const appended = ({ preemption }: Machine) => [...(preemption ? [`preempt=${preemption}`] : []), `EVENTS=${events}`].join(' ')

/** Its kernel and what it has in memory. */
async function prepare(machine: Machine) {
  const initramfs = cached(`initramfs-${machine.name}.${process.pid}`)
  onTestFinished(() => rmSync(initramfs, { force: true }))
  const kernel = await kernelOf(machine)
  await writeInitramfs(machine.arch, initramfs)
  return { kernel, initramfs }
}

function machinesOf(names: readonly string[]): readonly Machine[] {
  return names.map((name) => {
    const machine = machines.find((machine) => machine.name === name)
    if (machine === undefined) throw new Error(`MACHINES: there is no ${name}, but ${machines.map(({ name }) => name).join(', ')}`)
    return machine
  })
}
