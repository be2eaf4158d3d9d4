import type { SaidEvent, Step } from './messages.ts'

/** A block that is connected. */
export interface ConnectedBlock {
  readonly event: SaidEvent
  /** In µs since 1970. */
  readonly unixUs: number
}

interface Tip {
  readonly hash: string
  readonly height: number | undefined
  /** Of the whole chain up to there. */
  readonly transactions: number | undefined
}

interface Begun {
  transactions?: number | undefined
  inputs?: number | undefined
  /** Durations of its parts, in ns. */
  readonly parts: Partial<Record<Extract<Step, { step: 'part' }>['part'], number | undefined>>
  /** By `Connect total`, which has the writing of a cache as well. */
  totalNs?: number | undefined
  /** Time of the line that bitcoind writes next to the tracepoint. */
  unixUs?: number
}

/** Joins the lines that bitcoind writes while it connects a block. It connects one at a time, so what is between belongs to that one. */
export class Connecting {
  #tip: Tip | undefined
  #begun: Begun | undefined
  #isDisconnecting = false

  /** Takes a step in, and returns the block that it completes, if it does. */
  take(step: Step, unixUs: number): ConnectedBlock | undefined {
    if (step.step === 'tip') return this.#take(step, unixUs)
    if (step.step === 'begun') this.#begun = { parts: {} }
    if (step.step === 'disconnected') this.#isDisconnecting = true
    if (step.step === 'started') this.forget()
    if (step.step === 'loaded') this.#tip = { ...step, transactions: undefined }
    if (this.#begun) note(this.#begun, step, unixUs)
    return undefined
  }

  /** Forgets what came before a gap: what follows is not joined to it. */
  forget(): void {
    this.#tip = undefined
    this.#begun = undefined
    this.#isDisconnecting = false
  }

  #take({ hash, height, transactions }: Tip, unixUs: number): ConnectedBlock | undefined {
    const before = this.#tip
    const begun = this.#begun?.unixUs === undefined ? undefined : this.#begun
    const isDisconnected = this.#isDisconnecting || (!begun && isBelow(height, before?.height))
    this.#tip = { hash, height, transactions }
    this.#begun = undefined
    this.#isDisconnecting = false
    // The tracepoint is not hit for the block with which every chain begins.
    if (isDisconnected || height === 0 || hash === before?.hash) return undefined
    const event: SaidEvent = {
      ...{ probe: 'validation:block_connected', blockHash: hash, height, inputs: begun?.inputs, sigops: undefined },
      transactions: begun?.transactions ?? added(before, { hash, height, transactions }),
      durationNs: begun && durationOf(begun),
    }
    return { event, unixUs: begun?.unixUs ?? unixUs }
  }
}

/** A tip right below the one before: the block above it was taken off the chain. */
const isBelow = (height: number | undefined, before: number | undefined) =>
  height !== undefined && before !== undefined && height === before - 1

/** Transactions of a block, by what the chain had before and has now. */
function added(before: Tip | undefined, now: Tip): number | undefined {
  if (before?.height === undefined || before.transactions === undefined || now.transactions === undefined) return undefined
  return now.height === before.height + 1 && now.transactions > before.transactions ? now.transactions - before.transactions : undefined
}

/** The lines of a block that is only checked, before it is mined, come before the first line of a block that is connected. */
function note(begun: Begun, step: Step, unixUs: number): void {
  if (step.step === 'transactions') begun.transactions = step.count
  if (step.step === 'connected') {
    begun.totalNs = step.durationNs
    begun.unixUs ??= unixUs
  }
  if (step.step !== 'part') return
  begun.parts[step.part] = step.durationNs
  // The line leaves out the input of the coinbase, the tracepoint does not.
  if (step.inputs !== undefined) begun.inputs = step.inputs + 1
  if (step.part === 'index') begun.unixUs = unixUs
}

/** What the tracepoint measures: until the data to undo the block are written. Bitcoin Core 23 has the writing of its index with that. */
function durationOf({ parts: { sanity, fork, verify, undo, index }, totalNs }: Begun): number | undefined {
  const last = undo ?? index
  return sanity === undefined || fork === undefined || verify === undefined || last === undefined ? totalNs : sanity + fork + verify + last
}
