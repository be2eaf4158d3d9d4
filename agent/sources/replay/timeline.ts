/** Threads overtake each other a little; going back further than this means that another boot or recording begins. */
const DISORDER_NS = 1e9
/** Between two runs, and after the last: by then every race that a block waits for has come or not. */
export const SETTLE_NS = 15e9

/** Puts the runs of a recording one after another, so that time does not go back. */
export class Timeline {
  #run = 0
  #shiftNs = 0
  #latestNs: number | undefined

  /** Number of the run that the last stamp was of. */
  get run(): number {
    return this.#run
  }

  /** The latest time there was. */
  get latestNs(): number {
    return this.#latestNs ?? 0
  }

  /** A recorded stamp as time of the recording as a whole. */
  place(tsNs: number): number {
    if (this.#latestNs !== undefined && tsNs + this.#shiftNs < this.#latestNs - DISORDER_NS) {
      this.#run++
      this.#shiftNs = this.#latestNs + SETTLE_NS - tsNs
    }
    const stampNs = tsNs + this.#shiftNs
    this.#latestNs = Math.max(stampNs, this.#latestNs ?? stampNs)
    return stampNs
  }
}
