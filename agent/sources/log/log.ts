import type { Logger } from 'pino'
import type { Tracepoint } from '../../tracepoints/define.ts'
import type { TracepointEvent } from '../../tracepoints/index.ts'
import { monotonicNs, WallClock } from '../ebpf/ring/clock.ts'
import type { Attachment, EventHandler, EventSource, NodeProcess } from '../source.ts'
import { addTotal, type Total, totalOfHit } from '../totals.ts'
import { Follower } from './follower.ts'
import { debugLogOf } from './location.ts'
import { missing } from './log-settings.ts'
import type { SaidEvent } from './messages.ts'
import { NodeLog } from './node-log.ts'
import type { SaidMessage } from './relaying.ts'
import { probeStateOf } from './told.ts'

export interface LogSourceOptions {
  readonly tracepoints: readonly Tracepoint[]
  readonly log: Logger
}

interface Followed {
  readonly node: string
  readonly nodeLog: NodeLog
  readonly follower: Follower
}

/** Events of blocks as debug.log tells them: takes no privileges but reading that file. */
export class LogSource implements EventSource {
  readonly #options: LogSourceOptions
  readonly #tracepoints: ReadonlyMap<string, Tracepoint>
  readonly #clock = new WallClock()
  readonly #followed = new Set<Followed>()
  readonly #totals = new Map<string, Total>()
  #handler: EventHandler | undefined

  constructor(options: LogSourceOptions) {
    this.#options = options
    this.#tracepoints = new Map(options.tracepoints.map((tracepoint) => [tracepoint.probe, tracepoint]))
  }

  start(handler: EventHandler): void {
    this.#handler = handler
  }

  now(): number {
    return monotonicNs()
  }

  /** Follows the log of a process. Of one that is not known, which has the number 0, the executable is the log. */
  attach({ node, pid, executable }: NodeProcess): Attachment {
    const path = pid === 0 ? executable : debugLogOf(pid)
    const nodeLog = new NodeLog({
      event: (event, unixUs) => this.#handOn(node, event, unixUs),
      message: (message) => this.#handOnMessage(node, message),
      header: (byCompactBlock) => this.#count(node, byCompactBlock),
      gap: (reason) => this.#handler?.lost({ node, eventType: 'block_connected', lost: 1, reason }),
      observed: () => sayMissing(),
    })
    const sayMissing = this.#missingLog(node, nodeLog)
    const follower = new Follower(path, nodeLog)
    const followed = { node, nodeLog, follower }
    this.#followed.add(followed)
    follower.start()
    this.#options.log.info({ node, path }, 'following the log of bitcoind')
    sayMissing()
    const { tracepoints } = this.#options
    return {
      get probes() {
        return tracepoints.map((tracepoint) => probeStateOf(tracepoint, nodeLog.settings, follower.fault))
      },
      get isKindKnown() {
        return nodeLog.settings.isKindKnown
      },
      silentProbes: () => [],
      close: async () => {
        await follower.close()
        nodeLog.close()
        this.#followed.delete(followed)
      },
    }
  }

  /** Events are handed on as their lines are read. */
  drain(): void {}

  totals(): readonly Total[] {
    return [...this.#totals.values()]
  }

  forget(node: string): void {
    for (const [key, total] of this.#totals) if (total.node === node) this.#totals.delete(key)
  }

  backlogSeconds(): number {
    return Math.max(0, ...[...this.#followed].map(({ follower }) => follower.waitingMs / 1e3))
  }

  /** Settings that bitcoind lacks, in words. */
  warnings(): readonly string[] {
    return [...this.#followed].flatMap(({ node, nodeLog }) => nodeLog.settings.missing.map((name) => `${node}: ${missing(name)}`))
  }

  close(): void {
    for (const { follower } of this.#followed) void follower.close()
  }

  #handOn(node: string, said: SaidEvent, unixUs: number): void {
    const tracepoint = this.#tracepoints.get(said.probe)
    if (tracepoint === undefined) return
    this.#try((handler) => handler.event({ ...said, node, ...this.#timesOf(unixUs) } as TracepointEvent, tracepoint, []))
  }

  /** Hands on what the tracepoints of messages would tell. */
  #handOnMessage(node: string, { unixUs, ...message }: SaidMessage): void {
    if (this.#tracepoints.has('net:inbound_message'))
      this.#try((handler) => handler.logged?.({ ...message, node, ...this.#timesOf(unixUs) }))
  }

  #timesOf(unixUs: number): { readonly stampNs: number; readonly unixSeconds: number } {
    const unixSeconds = unixUs / 1e6
    return { stampNs: (unixSeconds - this.#clock.offsetSeconds()) * 1e9, unixSeconds }
  }

  #try(handOn: (handler: EventHandler) => void): void {
    try {
      if (this.#handler) handOn(this.#handler)
    } catch (error) {
      this.#handler?.error(error)
    }
  }

  #count(node: string, byCompactBlock: boolean): void {
    const tracepoint = this.#tracepoints.get('net:block_header')
    if (tracepoint?.counted === undefined) return
    addTotal(this.#totals, totalOfHit(node, tracepoint.probe, tracepoint.counted, { byCompactBlock: Number(byCompactBlock) }))
  }

  /** Returns a function that logs settings that are missing, once for each change. */
  #missingLog(node: string, { settings }: NodeLog): () => void {
    let logged = ''
    return () => {
      const names = settings.missing
      const now = names.join()
      if (now === logged) return
      for (const name of names)
        if (!logged.split(',').includes(name)) this.#options.log.warn({ node, reason: missing(name) }, 'debug.log tells less than it could')
      logged = now
    }
  }
}
