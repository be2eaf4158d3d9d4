import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { HttpAnswer } from '../answer.ts'
import { type Authenticator, unauthorized } from './basic-auth.ts'
import { hostCheck, misdirected } from './hosts.ts'
import { type RateLimit, tooMany } from './rate-limit.ts'
import { ThrottledLog } from './throttled-log.ts'
import { WrongPasswords } from './wrong-passwords.ts'

/** Who may ask a server. */
export interface Access {
  /** Asked on every path when given. */
  readonly authenticator?: Authenticator | undefined
  /** Names that this machine goes by besides its own; "*" stands for all. */
  readonly allowedHosts?: readonly string[] | undefined
  readonly rateLimit?: RateLimit | undefined
}

export interface GuardOptions extends Access {
  /** Paths on which nobody is asked. */
  readonly openPaths?: readonly string[] | undefined
  readonly log: Logger
}

const busy: HttpAnswer = { status: 503, body: 'Passwords cannot be checked now.\n', headers: { 'Retry-After': '1' } }

/** Refuses requests for other hosts and those without the right user name and password. */
export class Guard {
  readonly wrongPasswords: WrongPasswords
  readonly #misdirected: ThrottledLog
  readonly #unchecked: ThrottledLog
  readonly #openPaths: readonly string[]
  #access: Access = {}
  #isAllowedHost: (header: string | undefined) => boolean = () => false
  #lastHost = ''
  #lastFault = ''

  constructor({ log, openPaths = [], ...access }: GuardOptions) {
    this.#openPaths = openPaths
    this.wrongPasswords = new WrongPasswords(log)
    this.#misdirected = new ThrottledLog((count) =>
      log.warn({ count, host: this.#lastHost }, 'requests for another host refused; if this machine goes by that name: --allowed-hosts'),
    )
    this.#unchecked = new ThrottledLog((count) => log.error({ count, reason: this.#lastFault }, 'passwords cannot be checked'))
    this.setAccess(access)
  }

  setAccess(access: Access): void {
    this.#access = access
    this.#isAllowedHost = hostCheck(access.allowedHosts ?? [])
  }

  /** Returns the answer to a request that must not pass. A password also guards against pages of other names: their browser does not know it. */
  refusal({
    url = '',
    headers: { host, authorization },
    socket,
  }: IncomingMessage): HttpAnswer | undefined | Promise<HttpAnswer | undefined> {
    const { authenticator, rateLimit } = this.#access
    if (this.#openPaths.includes(url.replace(/\?.*/s, ''))) return this.#isAllowedHost(host) ? undefined : this.#refuseHost(host)
    if (rateLimit && !rateLimit.take()) return tooMany
    if (!authenticator) return this.#isAllowedHost(host) ? undefined : this.#refuseHost(host)
    if (authorization === undefined) return unauthorized // how every browser begins
    const address = socket.remoteAddress ?? ''
    const isRight = authenticator.check(authorization, address)
    return typeof isRight === 'boolean' ? this.#judge(isRight, address) : this.#judgeLater(isRight, address)
  }

  async #judgeLater(checking: Promise<boolean | 'busy'>, address: string): Promise<HttpAnswer | undefined> {
    try {
      return await this.#judge(await checking, address)
    } catch (error) {
      this.#lastFault = (error as Error).message
      this.#unchecked.add()
      return busy
    }
  }

  #judge(isRight: boolean | 'busy', address: string): HttpAnswer | undefined | Promise<HttpAnswer> {
    if (isRight === 'busy') return busy
    if (!isRight) return this.wrongPasswords.add(address).then(() => unauthorized)
    this.wrongPasswords.reset(address)
    return undefined
  }

  #refuseHost(host = ''): HttpAnswer {
    this.#lastHost = host.slice(0, 100)
    this.#misdirected.add()
    return misdirected
  }
}
