import type { Tracepoint } from '../../tracepoints/define.ts'
import type { ProbeState } from '../source.ts'
import * as bpf from './libbpf.ts'
import type { Notes, Site } from './notes.ts'
import type { KernelProgram, ProgramName } from './program.ts'
import type { SpecSlots } from './slots.ts'
import { countSpec, recordSpec, type SpecTarget } from './spec.ts'

/** The process to attach to. */
export interface AttachTarget extends SpecTarget {
  readonly node: string
}

export interface Attached {
  readonly probes: readonly ProbeState[]
  readonly sites: readonly Site[]
  close(): Promise<void>
}

/** A tracepoint and the places in the binary where it fires. */
interface Plan {
  readonly tracepoint: Tracepoint
  readonly number: number
  readonly sites: readonly Site[]
}

const ESRCH = 3

/**
 * Attaches to all tracepoints that the binary offers, by one link for each program where the kernel can. What cannot be
 * attached costs itself alone. Throws if the process is gone.
 */
export function attach(
  program: KernelProgram,
  slots: SpecSlots,
  tracepoints: readonly Tracepoint[],
  target: AttachTarget,
  notes: Notes,
): Attached {
  const plans: Plan[] = []
  const probes: ProbeState[] = []
  tracepoints.forEach((tracepoint, number) => {
    const sites = notes.sites.filter(({ provider, name }) => `${provider}:${name}` === tracepoint.probe)
    const refusal = refusalOf(sites)
    if (refusal === undefined) plans.push({ tracepoint, number, sites })
    else probes.push({ probe: tracepoint.probe, offered: sites.length > 0, attached: false, reason: refusal })
  })

  const links: OpenLink[] = []
  const link = new Linker(program, slots, target)
  for (const name of ['record_event', 'count_event'] as const) {
    const wanted = plans.filter(({ tracepoint }) => (tracepoint.counted === undefined) === (name === 'record_event'))
    for (const { opened, failed } of link.open(name, wanted)) {
      if (opened) links.push(opened)
      for (const { plan, error } of failed)
        probes.push({ probe: plan.tracepoint.probe, offered: true, attached: false, reason: error.message })
    }
  }
  for (const { plans } of links) for (const plan of plans) probes.push(attachedState(plan))
  return {
    probes,
    sites: links.flatMap(({ plans }) => plans.flatMap(({ sites }) => sites)),
    async close() {
      await Promise.all(links.map((open) => open.close()))
    },
  }
}

function refusalOf(sites: readonly Site[]): string | undefined {
  if (sites.length === 0) return 'this build of bitcoind does not have it'
  // A breakpoint in mid-instruction would crash bitcoind.
  const odd = sites.find((site) => !site.isNop)
  if (odd) return `no nop instruction at offset 0x${odd.offset.toString(16)} of the binary`
  return undefined
}

function attachedState({ tracepoint, sites }: Plan): ProbeState {
  const missingFields = Object.entries(tracepoint.args)
    .filter(([, field], i) => !field.optional && sites.some((site) => site.arguments[i]?.place === undefined))
    .map(([name]) => name)
  return { probe: tracepoint.probe, offered: true, attached: true, ...(missingFields.length > 0 && { missingFields }) }
}

interface OpenLink {
  readonly plans: readonly Plan[]
  close(): Promise<void>
}

interface Opening {
  readonly opened?: OpenLink
  readonly failed: readonly { readonly plan: Plan; readonly error: Error }[]
}

/** Opens links to one process. */
class Linker {
  readonly #program: KernelProgram
  readonly #slots: SpecSlots
  readonly #target: AttachTarget

  constructor(program: KernelProgram, slots: SpecSlots, target: AttachTarget) {
    this.#program = program
    this.#slots = slots
    this.#target = target
  }

  /** One link for all; if the kernel refuses that, one for each tracepoint. */
  open(name: ProgramName, plans: readonly Plan[]): readonly Opening[] {
    if (plans.length === 0) return []
    if (plans.length === 1 || !this.#program.form.multi) return plans.map((plan) => this.#tryOpen(name, [plan]))
    const together = this.#tryOpen(name, plans)
    return together.opened ? [together] : plans.map((plan) => this.#tryOpen(name, [plan]))
  }

  #tryOpen(name: ProgramName, plans: readonly Plan[]): Opening {
    try {
      return { opened: this.#open(name, plans), failed: [] }
    } catch (error) {
      if (error instanceof bpf.SystemError && error.errno === ESRCH) throw error
      return { failed: plans.map((plan) => ({ plan, error: error as Error })) }
    }
  }

  #open(name: ProgramName, plans: readonly Plan[]): OpenLink {
    const { programs, form, layouts } = this.#program
    const { pid, node } = this.#target
    const spec = name === 'record_event' ? recordSpec : countSpec
    const taken: number[] = []
    const links: bpf.Link[] = []
    const close = async () => {
      await Promise.all(links.map((link) => link.close()))
      for (const slot of taken) this.#slots.release(slot)
    }
    try {
      const sites = plans.flatMap((plan) =>
        plan.sites.map((site) => {
          const owner = { node, eventType: plan.tracepoint.eventType }
          const cookie = this.#slots.take(owner, spec(layouts, this.#target, plan.number, plan.tracepoint, site))
          taken.push(cookie)
          return { offset: site.offset, semaphoreOffset: site.semaphoreOffset, cookie }
        }),
      )
      const path = `/proc/${pid}/exe` // the file that runs, also when it was replaced or lies in another mount namespace
      if (form.multi) links.push(bpf.attachMulti(programs[name], path, pid, sites))
      else for (const site of sites) links.push(bpf.attachPerf(programs[name], path, pid, site))
    } catch (error) {
      void close()
      throw error
    }
    return { plans, close }
  }
}
