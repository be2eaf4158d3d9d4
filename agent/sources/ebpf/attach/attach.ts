import type { Tracepoint } from '../../../tracepoints/define.ts'
import type { ProbeState } from '../../source.ts'
import type { Notes, Site } from '../binary/notes.ts'
import type { KernelProgram } from '../program/program.ts'
import { type AttachTarget, type ChosenSite, Linker } from './linker.ts'
import { chooseSites, type TracepointSites } from './sites.ts'
import type { SpecPool } from './spec-pool.ts'

/**
 * Attaches to all tracepoints that the binary offers, by one link for each program where the kernel can. What cannot be
 * attached costs itself alone. Throws if the process is gone.
 */
export function attach(
  program: KernelProgram,
  specs: SpecPool,
  tracepoints: readonly Tracepoint[],
  target: AttachTarget,
  notes: Notes,
): AttachedProcess {
  const attached = new AttachedProcess(new Linker(program, specs, target), chooseSites(tracepoints, notes))
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
  readonly #chosen: readonly TracepointSites[]
  #rest: readonly ChosenSite[]

  constructor(linker: Linker, chosen: readonly TracepointSites[]) {
    this.#linker = linker
    this.#chosen = chosen
    this.#rest = chosen.flatMap((ofOne) => ofOne.sites.map((site) => ({ chosen: ofOne, site })))
  }

  /** Attaches to what is not attached yet, and leaves alone what is. Throws if the process is gone. */
  attachRest(): void {
    for (const name of ['record_event', 'count_event'] as const) {
      const wanted = this.#rest.filter(({ chosen }) => (chosen.tracepoint.counted === undefined) === (name === 'record_event'))
      this.#linker.open(name, wanted)
    }
    this.#rest = [...this.#linker.refusals.keys()]
  }

  get probes(): readonly ProbeState[] {
    return this.#chosen.map((chosen) => this.#stateOf(chosen))
  }

  /** Places that are listened to. */
  get sites(): readonly Site[] {
    return this.#linker.links.flatMap(({ places }) => places.map(({ site }) => site))
  }

  /** Since when a thread of the process has been asleep in a tracepoint, by its name: CLOCK_MONOTONIC, ns. */
  get asleepSince(): ReadonlyMap<string, number> {
    const since = new Map<string, number>()
    for (const [{ chosen }, ns] of this.#linker.links.flatMap((link) => [...link.asleepSince()])) {
      const { probe } = chosen.tracepoint
      since.set(probe, Math.min(ns, since.get(probe) ?? ns))
    }
    return since
  }

  async close(): Promise<void> {
    await Promise.all(this.#linker.links.map((link) => link.close()))
  }

  #stateOf(chosen: TracepointSites): ProbeState {
    const { probe } = chosen.tracepoint
    if (!chosen.isOffered) return { probe, offered: false, attached: false, reason: 'this build of bitcoind does not have it' }
    const refusals = [...this.#linker.refusals].filter(([place]) => place.chosen === chosen).map(([, { reason }]) => reason)
    const faults = [...new Set([...refusals, ...chosen.faults])]
    const attached = refusals.length < chosen.sites.length
    const missingFields = attached ? fieldsMissing(chosen) : []
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

function fieldsMissing({ tracepoint, sites }: TracepointSites): readonly string[] {
  return Object.entries(tracepoint.args)
    .filter(([, field], i) => !field.optional && sites.some((site) => site.arguments[i]?.place === undefined))
    .map(([name]) => name)
}
