import { beforeAll, expect, it } from 'vitest'
import { files, makePackages } from '../package/packages.ts'
import { writeInitramfs } from './initramfs.ts'
import { chosenOf, type Machine, machines } from './machines.ts'
import { runMachine } from './run-machine.ts'

/** How many each fires from three threads, and again from eight. */
const events = Number(process.env.EVENTS || 36_000)
/** 36,000 events of three and of eight threads take less than a minute on two cores; those may have others at work. */
const timeoutMs = 600_000 + events * 30

/** On x86-64 other tests run the agent of the package. */
const withPackage = ({ arch }: Machine) => arch === 'arm64'

const chosen = chosenOf(machines)
beforeAll(() => {
  if (chosen.some(withPackage)) makePackages('--arch', 'arm64')
})
if (chosen.length === 0) it.skip('a machine that fires from threads: MACHINES names none')

it.for(chosen)(
  '$name: what three and eight threads fire at once arrives as it was fired, every field',
  { timeout: timeoutMs + 600_000 },
  async (machine, context) => {
    const deb = withPackage(machine) ? files.deb('arm64') : undefined
    const { said, end } = await runMachine(machine, context, {
      writeInitramfs: (path) => writeInitramfs(machine.arch, path, deb),
      append: appended(machine),
      timeoutMs,
    })
    const right = { fired: events, heard: events, lost: 0, mixed: 0, miscounted: [] }
    expect(said, end).toMatchObject([
      machine.preemption ? { preemption: machine.preemption } : {},
      { threads: 3, ...right },
      { threads: 8, ...right },
      { labels: expect.any(Number), miscounted: [] },
      ...(deb === undefined ? [] : [{ packaged: { connected: 20, lost: 0, fieldErrors: 0 } }]),
      { warnings: [] },
    ])
  },
)

const appended = ({ preemption }: Machine) => [...(preemption ? [`preempt=${preemption}`] : []), `EVENTS=${events}`].join(' ')
