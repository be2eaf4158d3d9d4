import type { EventBase } from '../../tracepoints/define.ts'
import type { LoggedMessage } from '../source.ts'
import type { SaidEvent, Step } from './messages.ts'
import type { ObservedSettings } from './observed-settings.ts'

/** A message about a block, without node and stamp. */
export interface SaidMessage extends Omit<LoggedMessage, keyof EventBase> {
  /** In µs since 1970. */
  readonly unixUs: number
}

type Reconstructed = Extract<SaidEvent, { readonly probe: 'net:compact_block_reconstructed' }>

/** The message that is handled. */
interface Handled extends Extract<Step, { step: 'received' }> {
  readonly unixUs: number
  /** The block of a compact block, once a line tells. */
  hash?: string
}

/**
 * Joins the lines that bitcoind writes while it handles a message. One thread handles all messages, one after another, so what it writes
 * between `received: …` and the next such line is of that message: the first line names peer and size, and only a later one the block.
 */
export class Relaying {
  readonly #settings: Pick<ObservedSettings, 'isFibre'>
  #handled: Handled | undefined

  constructor(settings: Pick<ObservedSettings, 'isFibre'>) {
    this.#settings = settings
  }

  /** Takes a step in, and returns the messages that it tells of. */
  take(step: Step, unixUs: number): readonly SaidMessage[] {
    if (step.step === 'started') this.forget()
    if (step.step === 'received') this.#handled = { ...step, unixUs }
    if (step.step === 'header') return this.#announced(step, unixUs)
    if (step.step === 'compactBlock') return this.#initialized(step)
    if (step.step === 'requested') return this.#requested(step, unixUs)
    if (step.step === 'whole') return [inbound('block', step.hash, this.#handledOf(step.peer, 'block') ?? { ...step, unixUs })]
    if (step.step === 'sent') return [{ ...inbound(step.message, step.hash, { ...step, unixUs }), isInbound: false }]
    return []
  }

  /** Returns what a line of a reconstruction tells of: the event with the peer, where that is known, and the message that completed the block. */
  complete(event: Reconstructed): { readonly event: Reconstructed; readonly messages: readonly SaidMessage[] } {
    const handled = this.#handled
    const { blockHash: hash, requested } = event
    const isCompleting = requested === 0 ? handled?.message === 'cmpctblock' && handled.hash === hash : handled?.message === 'blocktxn'
    if (handled === undefined || hash === undefined || !isCompleting) return { event, messages: [] }
    return { event: { ...event, peer: handled.peer }, messages: [inbound(requested === 0 ? 'cmpctblock' : 'blocktxn', hash, handled)] }
  }

  /** Forgets what came before a gap, or by another process. */
  forget(): void {
    this.#handled = undefined
  }

  /** Versions before bitcoin/bitcoin#27826 tell of headers without the peer, and twice of those of compact blocks: these are left out. */
  #announced({ hash, peer, byCompactBlock }: Extract<Step, { step: 'header' }>, unixUs: number): readonly SaidMessage[] {
    if (peer === undefined) return []
    const type = byCompactBlock ? 'cmpctblock' : 'headers'
    return [{ ...inbound(type, hash, this.#handledOf(peer, type) ?? { peer, unixUs }), isFirst: true }]
  }

  /** Threads of FIBRE write the same of their chunks, and of another block perhaps: there only what is done next tells which block it is. */
  #initialized({ hash, size }: Extract<Step, { step: 'compactBlock' }>): readonly SaidMessage[] {
    const handled = this.#handled
    if (handled?.message !== 'cmpctblock' || handled.hash !== undefined || handled.size !== size) return []
    handled.hash = hash
    return this.#settings.isFibre ? [] : [inbound('cmpctblock', hash, handled)]
  }

  #requested({ peer }: Extract<Step, { step: 'requested' }>, unixUs: number): readonly SaidMessage[] {
    const handled = this.#handledOf(peer, 'cmpctblock')
    if (handled?.hash === undefined) return []
    return [inbound('cmpctblock', handled.hash, handled), { ...inbound('getblocktxn', handled.hash, { peer, unixUs }), isInbound: false }]
  }

  #handledOf(peer: number, message: Handled['message']): Handled | undefined {
    return this.#handled?.peer === peer && this.#handled.message === message ? this.#handled : undefined
  }
}

type From = Pick<SaidMessage, 'peer' | 'unixUs'> & Partial<Pick<SaidMessage, 'size'>>

const inbound = (type: SaidMessage['type'], hash: string, { peer, size, unixUs }: From): SaidMessage => {
  return { type, isInbound: true, peer, size, hash, isFirst: false, unixUs }
}
