import { ChangeDetector } from './change-detector.ts'
import { isPipeFull, NoAnswerError } from './fault.ts'
import { onThread } from './threads.ts'
import { within } from './within.ts'

export interface FileTaskOptions {
  /** Does a part of the work that is due, and returns whether there is more. If it throws it is run again later. */
  readonly run: () => Promise<boolean>
  /** Why an error keeps it from running, in words. */
  readonly faultOf: (error: unknown) => string
  /** Told once of each change: a reason, or `undefined` when all has been done again. */
  readonly changed: (fault: string | undefined) => void
  readonly retryMs: number
}

/** A full pipe that does not block has room again soon. */
const PIPE_RETRY_MS = 20
/** An operation that takes longer is a fault, and so is a pipe that is full for longer. */
const NO_ANSWER_MS = 5_000

/** Runs the operations on one file one after another, tries again after a fault, and never lets its caller wait. */
export class FileTask {
  readonly #options: FileTaskOptions
  readonly #fault = new ChangeDetector<string | undefined>(undefined)
  #isStandingStill = false
  #running: Promise<void> | undefined
  #isDue = false
  #startedMs = 0
  /** Since when a pipe that does not block has been full. */
  #fullSinceMs: number | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: FileTaskOptions) {
    this.#options = options
  }

  /** The reason for which it does not run at present, if so. */
  get fault(): string | undefined {
    return this.#fault.state
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** Whether an operation has been under way for seconds. */
  get isStandingStill(): boolean {
    return this.#isStandingStill
  }

  /** Runs, or once more after the run under way. Resolves when that is done or has failed. */
  start(): Promise<void> {
    clearTimeout(this.#retry)
    this.#isDue = true
    this.#running ??= this.#runWhileDue()
    return this.#running
  }

  /** Resolves when the run under way is done or has failed. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Runs a last time. An operation that does not end within this time, counted from its begin, is left behind. */
  async close(mostMs: number): Promise<void> {
    const begunMs = this.#running ? this.#startedMs : performance.now()
    const done = this.start()
    this.#isClosed = true
    await within(done, begunMs + mostMs - performance.now())
    clearTimeout(this.#retry)
  }

  async #runWhileDue(): Promise<void> {
    this.#startedMs = performance.now()
    await undefined // what comes in the same turn is done in the same run
    while (this.#isDue) {
      this.#isDue = false
      await this.#run()
    }
    this.#running = undefined
  }

  async #run(): Promise<void> {
    this.#startedMs = performance.now()
    const noAnswer = setTimeout(() => this.#hasFailed(new NoAnswerError()), NO_ANSWER_MS).unref()
    try {
      if (await onThread(this.#options.run)) this.#isDue = true
      else this.#hasSucceeded()
      this.#fullSinceMs = undefined
    } catch (error) {
      const isBriefly = isPipeFull(error) && !this.#isFullForLong()
      if (!isBriefly) this.#hasFailed(isPipeFull(error) ? new NoAnswerError() : error)
      this.#retryIn(isBriefly ? PIPE_RETRY_MS : this.#options.retryMs)
    } finally {
      this.#isStandingStill = false
      clearTimeout(noAnswer)
    }
  }

  #hasSucceeded(): void {
    if (this.#fault.changesTo(undefined)) this.#options.changed(undefined)
  }

  #isFullForLong(): boolean {
    this.#fullSinceMs ??= this.#startedMs
    return performance.now() - this.#fullSinceMs >= NO_ANSWER_MS
  }

  #retryIn(ms: number): void {
    clearTimeout(this.#retry)
    if (!this.#isClosed) this.#retry = setTimeout(() => this.start(), ms).unref()
  }

  #hasFailed(error: unknown): void {
    this.#isStandingStill = error instanceof NoAnswerError
    const fault = this.#options.faultOf(error)
    if (this.#fault.changesTo(fault)) this.#options.changed(fault)
  }
}
