import { type Authenticator, parseBasic } from '../basic-auth.ts'
import type { HashQueue } from './hash-queue.ts'

/** Users whose passwords are known by their bcrypt hashes. A password that was right once is not hashed again. */
export class HashedUsers implements Authenticator {
  /** bcrypt hashes by user name. */
  readonly #hashes: ReadonlyMap<string, string>
  readonly #queue: HashQueue
  /** Keyed digests of the passwords that were right, one for each user at most. */
  readonly #right: Map<string, Buffer>
  readonly #key: Buffer

  /** Passwords that were right for `previous` users still are where the hash is the same, which is part of the digest. */
  constructor(hashes: ReadonlyMap<string, string>, queue: HashQueue, previous?: HashedUsers) {
    this.#hashes = hashes
    this.#queue = queue
    this.#key = previous ? previous.#key : process.getBuiltinModule('node:crypto').randomBytes(32)
    const kept = previous ? [...previous.#right].filter(([user]) => hashes.has(user)) : []
    this.#right = new Map(kept)
  }

  check(authorization: string | undefined, address: string): boolean | Promise<boolean | 'busy'> {
    const given = parseBasic(authorization)
    if (!given) return false
    const { username, password } = given
    const known = this.#hashes.get(username)
    const hash = known ?? this.#standIn(username)
    const digest = this.#digest(username, hash, password)
    const right = this.#right.get(username) ?? this.#digest()
    if (process.getBuiltinModule('node:crypto').timingSafeEqual(digest, right)) return true
    return this.#hash({ username, password, hash, digest, address, isUser: known !== undefined })
  }

  async #hash({ username, password, hash, digest, address, isUser }: Attempt): Promise<boolean | 'busy'> {
    const isEqual = await this.#queue.compare({ password, hash, id: digest.toString('base64'), address })
    if (isEqual === 'busy') return 'busy'
    if (!isEqual || !isUser) return false
    this.#right.set(username, digest)
    return true
  }

  /** The hash that an unknown name is compared with: always the same user's, so that it takes a user's time. */
  #standIn(username: string): string {
    const hashes = [...this.#hashes.values()]
    return hashes[this.#digest(username).readUInt32LE() % hashes.length] as string
  }

  #digest(...parts: readonly string[]): Buffer {
    return process.getBuiltinModule('node:crypto').createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest()
  }
}

interface Attempt {
  readonly username: string
  readonly password: string
  readonly hash: string
  readonly digest: Buffer
  readonly address: string
  readonly isUser: boolean
}
