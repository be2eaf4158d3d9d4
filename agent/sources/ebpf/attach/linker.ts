import { constants } from 'node:os'
import { SystemError } from '../../../native/libc.ts'
import type { ProbeSite } from '../../../native/uprobe-links.ts'
import type { Tracepoint } from '../../../tracepoints/define.ts'
import type { Site } from '../binary/notes.ts'
import { readKernelFacts } from '../program/kernel-facts.ts'
import type { KernelProgram, ProgramName } from '../program/program.ts'
import { attachErrors, explainAttach } from '../program/refusals.ts'
import { attachMulti, attachPerf, type KernelLink } from './kernel-link.ts'
import type { TracepointSites } from './sites.ts'
import { encodeSpec, type SpecTarget } from './spec.ts'
import type { SpecPool } from './spec-pool.ts'

/** The process to attach to. */
export interface AttachTarget extends SpecTarget {
  readonly node: string
  /** Where its totals begin, by tracepoint; they are taken when first asked for. Throws if there is no room for them. */
  readonly totals: () => ReadonlyMap<Tracepoint, number>
}

/** One place of a tracepoint. */
export interface ChosenSite {
  readonly chosen: TracepointSites
  readonly site: Site
}

export interface OpenLink {
  readonly places: readonly ChosenSite[]
  /** Since when a hit has been asleep at each of the places where one is: CLOCK_MONOTONIC, ns. */
  asleepSince(): ReadonlyMap<ChosenSite, number>
  close(): Promise<void>
}

/** Why the kernel did not take a place. */
export interface Refusal {
  /** `undefined` where it was not the kernel's doing. */
  readonly errno: number | undefined
  readonly reason: string
}

const { EINVAL, ESRCH } = constants.errno

/** Opens links to places of one process. */
export class Linker {
  readonly #program: KernelProgram
  readonly #specs: SpecPool
  readonly #target: AttachTarget
  readonly #links: OpenLink[] = []
  readonly #refusals = new Map<ChosenSite, Refusal>()

  constructor(program: KernelProgram, specs: SpecPool, target: AttachTarget) {
    this.#program = program
    this.#specs = specs
    this.#target = target
  }

  get links(): readonly OpenLink[] {
    return this.#links
  }

  /** The places that the kernel did not take when they were last tried, and why. */
  get refusals(): ReadonlyMap<ChosenSite, Refusal> {
    return this.#refusals
  }

  /** Opens one link for all if the kernel can; where it refuses some, as few as it takes to have the others. Throws if the process is gone. */
  open(name: ProgramName, places: readonly ChosenSite[]): void {
    if (places.length > 1 && !this.#mayOpenTogether) for (const place of places) this.open(name, [place])
    else if (places.length > 0) this.#tryOpen(name, places)
  }

  /**
   * If the kernel refuses one of several places, it first takes back the others, which waits for every thread that sleeps in the
   * program.
   */
  get #mayOpenTogether(): boolean {
    return this.#program.form.multi && !this.#program.isAsleep()
  }

  #tryOpen(name: ProgramName, places: readonly ChosenSite[]): void {
    try {
      this.#links.push(this.#open(name, places))
      for (const place of places) this.#refusals.delete(place)
    } catch (error) {
      const errno = error instanceof SystemError ? error.errno : undefined
      if (errno === ESRCH) throw error
      if (places.length === 1 || errno === undefined || attachErrors.has(errno)) {
        for (const place of places) this.#refuse(name, place, error as Error, errno)
        return
      }
      const half = places.length >> 1
      this.open(name, places.slice(0, half))
      this.open(name, places.slice(half))
    }
  }

  #open(name: ProgramName, places: readonly ChosenSite[]): OpenLink {
    const { layouts } = this.#program
    const taken: number[] = []
    const release = () => {
      for (const index of taken) this.#specs.release(index)
    }
    try {
      const totals = name === 'count_event' ? this.#target.totals() : undefined
      const sites = places.map(({ chosen: { tracepoint, number }, site }) => {
        const owner = { node: this.#target.node, eventType: tracepoint.eventType }
        const spec = encodeSpec(layouts, this.#target, number, tracepoint, site, totals?.get(tracepoint) ?? 0)
        const index = this.#specs.take(owner, spec)
        taken.push(index)
        return { offset: site.offset, semaphoreOffset: site.semaphoreOffset, cookie: (BigInt(this.#target.number) << 32n) | BigInt(index) }
      })
      const link = this.#attach(name, sites)
      const asleepSince = () =>
        new Map(
          places.flatMap((place, i) => {
            const since = this.#specs.asleepSince(taken[i] as number)
            return since === undefined ? [] : [[place, since]]
          }),
        )
      return { places, asleepSince, close: () => link.close().then(release) }
    } catch (error) {
      release()
      throw error
    }
  }

  #attach(name: ProgramName, sites: readonly ProbeSite[]): KernelLink {
    const { programs, form, pins } = this.#program
    const { pid } = this.#target
    const path = `/proc/${pid}/exe` // the file that runs, also when it was replaced or lies in another mount namespace
    if (form.multi) return attachMulti(programs[name], path, pid, sites, pins)
    return attachPerf(programs[name], path, pid, sites[0] as ProbeSite)
  }

  #refuse(name: ProgramName, place: ChosenSite, error: Error, errno: number | undefined): void {
    const known = this.#refusals.get(place)
    if (known && known.errno === errno) return
    this.#refusals.set(place, { errno, reason: this.#explain(name, place, error, errno) })
  }

  #explain(name: ProgramName, { site }: ChosenSite, { message }: Error, errno: number | undefined): string {
    if (errno === undefined) return message
    const isTaken = errno === EINVAL && this.#isTaken(name, site)
    const reason = isTaken ? anotherTracer : explainAttach(errno, readKernelFacts(), this.#program.form.multi)
    return reason === undefined ? message : `${reason} (${message})`
  }

  /**
   * Whether a tracer that does not have the kernel count it in the semaphore, as BCC does not, was at a place first: all others
   * must then do without as well. So the place can be had like that, for a moment and for a spec that does not exist.
   */
  #isTaken(name: ProgramName, { offset, semaphoreOffset }: Site): boolean {
    if (semaphoreOffset === 0n) return false
    try {
      void this.#attach(name, [{ offset, semaphoreOffset: 0n, cookie: BigInt(this.#program.specCount) }]).close()
      return true
    } catch {
      return false
    }
  }
}

const anotherTracer = 'another tracer, such as fibre_exporter or a BCC script, holds it: stop that one'
