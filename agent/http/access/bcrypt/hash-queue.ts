/** A password to be compared with a bcrypt hash. */
export interface Comparison {
  readonly password: string
  readonly hash: string
  /** The same for the same password, hash and user. */
  readonly id: string
  /** Address of the client. */
  readonly address: string
}

export type Compare = (password: string, hash: string) => Promise<boolean>

/** Most comparisons that wait, of all clients and of one address: one that guesses cannot keep another waiting for long. */
const MOST_WAITING = 64
const MOST_OF_ADDRESS = 4

/** Compares passwords with hashes, one at a time. */
export class HashQueue {
  readonly #compare: Compare
  readonly #pending = new Map<string, { readonly address: string; readonly result: Promise<boolean> }>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(compare: Compare) {
    this.#compare = compare
  }

  /** Resolves to "busy" when too many wait. What is asked for twice at a time is compared once. */
  compare({ password, hash, id, address }: Comparison): Promise<boolean | 'busy'> {
    const pending = this.#pending.get(id)
    if (pending) return pending.result
    const ofAddress = [...this.#pending.values()].filter((other) => other.address === address)
    if (this.#pending.size >= MOST_WAITING || ofAddress.length >= MOST_OF_ADDRESS) return Promise.resolve('busy')
    const result = this.#last.then(() => this.#compare(password, hash)).finally(() => this.#pending.delete(id))
    this.#last = result.catch(() => {})
    this.#pending.set(id, { address, result })
    return result
  }
}
