import type { Tracepoint } from '../../tracepoints/define.ts'
import type { ProbeState } from '../source.ts'
import { type AttachTarget, Linker, type Place } from './link.ts'
import type { Notes, Site } from './notes.ts'
import { type Plan, planSites } from './plan.ts'
import type { KernelProgram } from './program.ts'
import type { SpecSlots } from './slots.ts'

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
): AttachedProcess {
  const attached = new AttachedProcess(new Linker(program, slots, target), planSites(tracepoints, notes))
  try {
    attached.attachRest()
    return attached
  } catch (error) {
    void attached.close()
    throw error
  }
}

export class AttachedProcess {
  readonly #linker: Linker
  readonly #plans: readonly Plan[]
  #rest: readonly Place[]

  constructor(linker: Linker, plans: readonly Plan[]) {
    this.#linker = linker
    this.#plans = plans
    this.#rest = plans.flatMap((plan) => plan.sites.map((site) => ({ plan, site })))
  }

  /** Attaches to what is not attached yet, and leaves alone what is. Throws if the process is gone. */
  attachRest(): void {
    for (const name of ['record_event', 'count_event'] as const) {
      const wanted = this.#rest.filter(({ plan }) => (plan.tracepoint.counted === undefined) === (name === 'record_event'))
      this.#linker.open(name, wanted)
    }
    this.#rest = [...this.#linker.refusals.keys()]
  }

  get probes(): readonly ProbeState[] {
    return this.#plans.map((plan) => this.#stateOf(plan))
  }

  /** Places that are listened to. */
  get sites(): readonly Site[] {
    return this.#linker.links.flatMap(({ places }) => places.map(({ site }) => site))
  }

  async close(): Promise<void> {
    await Promise.all(this.#linker.links.map((link) => link.close()))
  }

  #stateOf(plan: Plan): ProbeState {
    const { probe } = plan.tracepoint
    if (!plan.isOffered) return { probe, offered: false, attached: false, reason: 'this build of bitcoind does not have it' }
    const refusals = [...this.#linker.refusals].filter(([place]) => place.plan === plan).map(([, { reason }]) => reason)
    const faults = [...new Set([...refusals, ...plan.faults])]
    const attached = refusals.length < plan.sites.length
    const missingFields = attached ? fieldsMissing(plan) : []
    return {
      probe,
      offered: true,
      attached,
      ...(!attached && { reason: faults.join('; ') }),
      ...(refusals.length > 0 && { refused: true }),
      ...(attached && faults.length > 0 && { missingPlaces: faults }),
      ...(missingFields.length > 0 && { missingFields }),
    }
  }
}

function fieldsMissing({ tracepoint, sites }: Plan): readonly string[] {
  return Object.entries(tracepoint.args)
    .filter(([, field], i) => !field.optional && sites.some((site) => site.arguments[i]?.place === undefined))
    .map(([name]) => name)
}
