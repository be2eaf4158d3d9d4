import type { Logger } from 'pino'
import type { Tracepoint } from '../../tracepoints/define.ts'
import { allTracepoints } from '../../tracepoints/index.ts'
import type { Attachment, EventHandler, EventSource, NodeProcess } from '../source.ts'
import type { Total } from '../totals.ts'
import type { KernelUsage } from '../usage.ts'
import { attach } from './attach/attach.ts'
import { silentProbes } from './attach/semaphores.ts'
import { SpecPool } from './attach/spec-pool.ts'
import { offersAny } from './binary/executable.ts'
import { readNotes } from './binary/notes.ts'
import { writeCounting } from './program/counting.ts'
import { needlessRoot, sentenceOf } from './program/hindrances.ts'
import { readCapabilities } from './program/kernel-facts.ts'
import { type Form, type KernelProgram, openProgram } from './program/program.ts'
import { checkCapacity } from './program/record-values.ts'
import { openStatistics, type Statistics } from './program/statistics.ts'
import { monotonicNs, WallClock } from './ring/clock.ts'
import { createDecoder } from './ring/record.ts'
import { Ring } from './ring/ring.ts'
import { RingReader } from './ring/ring-reader.ts'
import { RingShares } from './ring/ring-shares.ts'
import { Totals } from './totals.ts'

/** While events come, losses are read this often: blocks are then not judged by what was lost. */
const LOSSES_MS = 50

export interface EbpfOptions {
  readonly image: Buffer
  readonly ringSize: number
  readonly tracepoints: readonly Tracepoint[]
  readonly log: Logger
  /** Whether the kernel counts runs of its programs. */
  readonly countRuns?: boolean
  /** Only these forms of attaching are tried. */
  readonly forms?: readonly Form[]
}

/** Loads the kernel program. Fails with the reason and the way out if this machine or user cannot, or a tracepoint does not fit. */
export function openEbpf(options: EbpfOptions): EbpfSource {
  const program = openProgram(options)
  const needless = needlessRoot(readCapabilities(), program.form.multi)
  if (needless) options.log.warn(sentenceOf(needless))
  try {
    checkCapacity(program.layouts, options.tracepoints)
    writeCounting(program, options.tracepoints)
    const ring = new Ring(program.fds.events, program.ringSize)
    return new EbpfSource(program, ring, openStatistics(program, options.countRuns ?? false, options.log), options)
  } catch (error) {
    program.close()
    throw error
  }
}

/** Events of tracepoints, through the kernel. */
export class EbpfSource implements EventSource {
  readonly #program: KernelProgram
  readonly #ring: Ring
  readonly #reader: RingReader
  readonly #specs: SpecPool
  readonly #shares: RingShares
  readonly #totals: Totals
  readonly #statistics: Statistics
  readonly #options: EbpfOptions
  readonly #nodes = new Map<number, string>()
  readonly #clock = new WallClock()
  readonly #view: DataView
  readonly #decode: ReturnType<typeof createDecoder>
  #handler: EventHandler | undefined
  #lastTarget = 0
  #lossesReadAt = 0
  #sealed: string | undefined

  constructor(program: KernelProgram, ring: Ring, statistics: Statistics, options: EbpfOptions) {
    const { fds, layouts, specCount, totalCount } = program
    const nodeOf = (target: number) => this.#nodes.get(target)
    this.#program = program
    this.#ring = ring
    this.#statistics = statistics
    this.#options = options
    this.#view = new DataView(ring.memory)
    this.#specs = new SpecPool(fds.specs, fds.states, specCount, layouts.state)
    this.#shares = new RingShares(fds.shares, layouts.share, program.shareCount, program.setShared)
    this.#totals = new Totals(fds.totals, totalCount, options.tracepoints)
    this.#decode = createDecoder(layouts.record, ring.memory, options.tracepoints, nodeOf)
    this.#reader = new RingReader({
      fd: fds.events,
      ring,
      drain: (most) => this.#drain(most),
      setDraining: program.setDraining,
    })
  }

  start(handler: EventHandler): void {
    this.#handler = handler
  }

  get form(): Form {
    return this.#program.form
  }

  get sealed(): string | undefined {
    return this.#sealed
  }

  /** Attaches to nothing more, for that reason. */
  seal(reason: string): void {
    this.#sealed = reason
  }

  now(): number {
    return monotonicNs()
  }

  /** Attaches to a process. Throws if it is gone or its executable cannot be read. */
  attach({ node, pid, executable }: NodeProcess): Attachment {
    const notes = readNotes(`/proc/${pid}/exe`)
    const number = ++this.#lastTarget
    const share = this.#shares.take()
    this.#nodes.set(number, node)
    const totals = () => this.#totals.take(number, node)
    try {
      const attached = attach(this.#program, this.#specs, this.#options.tracepoints, { node, pid, number, share, totals }, notes)
      this.#options.log.debug({ node, pid, executable, form: this.form }, 'attached')
      const close = async () => {
        await attached.close()
        this.drain()
        this.#totals.retire(number)
        this.#nodes.delete(number)
        this.#shares.release(share)
      }
      let closed: Promise<void> | undefined
      return {
        get probes() {
          return attached.probes
        },
        get offersAny() {
          return offersAny(notes, allTracepoints)
        },
        retry: () => attached.attachRest(),
        silentProbes: () => silentProbes(pid, notes.entry, attached.sites),
        heldProbes: () => [...attached.asleepSince].map(([probe, since]) => ({ probe, seconds: (this.now() - since) / 1e9 })),
        close: () => {
          closed ??= close()
          return closed
        },
      }
    } catch (error) {
      this.#totals.retire(number)
      this.#nodes.delete(number)
      this.#shares.release(share)
      throw error
    }
  }

  totals(): readonly Total[] {
    return this.#totals.read()
  }

  forget(node: string): void {
    this.#totals.forget(node)
  }

  /** Time for which the oldest record has been waiting to be read, in seconds; 0 if there is none. */
  backlogSeconds(): number {
    const oldest = this.#ring.oldestUnread()
    if (oldest === undefined) return 0
    const stamp = this.#view.getBigUint64(oldest + this.#program.layouts.record.fields.stamp.offset, true)
    return Math.max(0, (monotonicNs() - Number(stamp)) / 1e9)
  }

  warnings(): readonly string[] {
    return this.#statistics.warnings
  }

  kernelUsage(): KernelUsage {
    const { specCount, shareCount, totalCount, ringSize } = this.#program
    const { unreadBytes, mostUnreadBytes } = this.#ring
    return {
      programs: this.#statistics.read(),
      ring: { sizeBytes: ringSize, unreadBytes, mostUnreadBytes },
      maps: [
        { map: 'specs', entries: this.#specs.size, maxEntries: specCount },
        { map: 'shares', entries: this.#shares.holders, maxEntries: shareCount },
        { map: 'totals', entries: this.#totals.size, maxEntries: totalCount },
      ],
    }
  }

  drain(): void {
    this.handOnLosses()
    this.#reader.drain()
    this.handOnLosses()
  }

  handOnLosses(): void {
    this.#lossesReadAt = performance.now()
    for (const loss of this.#specs.newLosses()) this.#handler?.lost(loss)
  }

  /** To be called when nothing is attached any more. */
  close(): void {
    this.#reader.close()
    this.#shares.close()
    this.#totals.close()
    this.#specs.close()
    this.#ring.close()
    this.#statistics.close()
    this.#program.close()
  }

  #drain(most: number): number {
    const handler = this.#handler
    if (performance.now() - this.#lossesReadAt >= LOSSES_MS) this.handOnLosses()
    const clockOffset = this.#clock.offsetSeconds()
    const share = this.#program.layouts.record.fields.share.offset
    const count = this.#ring.drain((offset, filled) => {
      this.#shares.give(this.#view.getUint32(offset + share, true), filled)
      try {
        const decoded = this.#decode(offset, clockOffset)
        if (decoded) handler?.event(decoded.event, decoded.tracepoint, decoded.failed)
      } catch (error) {
        handler?.error(error)
      }
    }, most)
    this.#shares.publish()
    return count
  }
}
