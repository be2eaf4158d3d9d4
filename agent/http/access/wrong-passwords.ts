import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ThrottledLog } from './throttled-log.ts'

/** Up to this many in a row may be mistakes. */
const MOST_UNDELAYED = 10
const DELAY_MS = 500
/** Beyond this, the address whose last wrong password is oldest is forgotten. */
const MOST_ADDRESSES = 1_000

/** Counts and logs wrong passwords, and delays the answer after ten in a row from one address. A right one is never delayed. */
export class WrongPasswords {
  total = 0
  /** Wrong passwords since the last right one, by address. */
  readonly #byAddress = new Map<string, number>()
  readonly #throttledLog: ThrottledLog
  #lastAddress = ''

  constructor(log: Logger) {
    this.#throttledLog = new ThrottledLog((count) => log.warn({ count, address: this.#lastAddress }, 'wrong user name or password'))
  }

  /** Resolves when the answer is due. */
  async add(address: string): Promise<void> {
    this.total++
    this.#lastAddress = address
    this.#throttledLog.add()
    const inARow = (this.#byAddress.get(address) ?? 0) + 1
    this.#byAddress.delete(address) // so that it becomes the newest
    this.#byAddress.set(address, inARow)
    const [oldest = ''] = this.#byAddress.keys()
    if (this.#byAddress.size > MOST_ADDRESSES) this.#byAddress.delete(oldest)
    if (inARow > MOST_UNDELAYED) await setTimeout(DELAY_MS, undefined, { ref: false })
  }

  /** Forgets the wrong ones of an address that has given the right one. */
  reset(address: string): void {
    this.#byAddress.delete(address)
  }
}
