import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Tally } from './throttled-log.ts'

/** So many in a row may be mistakes. */
const UNDELAYED = 10
const DELAY_MS = 500
/** Of more addresses than these the one that was wrong longest ago is forgotten. */
const MOST_ADDRESSES = 1_000

/** Wrong passwords: counted, logged with a limit, and after ten in a row from one address answered late. A right one is never delayed. */
export class WrongPasswords {
  total = 0
  /** In a row, by address. */
  readonly #rows = new Map<string, number>()
  readonly #tally: Tally
  #lastAddress = ''

  constructor(log: Logger) {
    this.#tally = new Tally((count) => log.warn({ count, address: this.#lastAddress }, 'wrong user name or password'))
  }

  /** Resolves when an answer is due. */
  async add(address: string): Promise<void> {
    this.total++
    this.#lastAddress = address
    this.#tally.add()
    const row = (this.#rows.get(address) ?? 0) + 1
    this.#rows.delete(address) // so that it becomes the newest
    this.#rows.set(address, row)
    const [oldest = ''] = this.#rows.keys()
    if (this.#rows.size > MOST_ADDRESSES) this.#rows.delete(oldest)
    if (row > UNDELAYED) await setTimeout(DELAY_MS, undefined, { ref: false })
  }

  /** A right one ends the row. */
  right(address: string): void {
    this.#rows.delete(address)
  }
}
