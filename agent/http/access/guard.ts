import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { HttpAnswer } from '../answer.ts'
import { basicAuth, type Credentials, unauthorized } from './basic-auth.ts'
import { hostCheck, misdirected } from './hosts.ts'
import { ThrottledLog } from './throttled-log.ts'
import { WrongPasswords } from './wrong-passwords.ts'

export interface GuardOptions {
  /** Required on every path when given. */
  readonly credentials?: Credentials | undefined
  /** Names that this machine goes by besides its own; "*" stands for all. */
  readonly allowedHosts?: readonly string[] | undefined
  readonly log: Logger
}

/** Refuses requests for other hosts and those without the right user name and password. */
export class Guard {
  readonly wrongPasswords: WrongPasswords
  readonly #isAllowedHost: (header: string | undefined) => boolean
  readonly #misdirected: ThrottledLog
  #isAuthorized: ((header: string | undefined) => boolean) | undefined
  #lastHost = ''

  constructor({ credentials, allowedHosts = [], log }: GuardOptions) {
    this.wrongPasswords = new WrongPasswords(log)
    this.#isAllowedHost = hostCheck(allowedHosts)
    this.#misdirected = new ThrottledLog((count) =>
      log.warn({ count, host: this.#lastHost }, 'requests for another host refused; if this machine goes by that name: --allowed-hosts'),
    )
    this.#isAuthorized = credentials && basicAuth(credentials)
  }

  /** Replaces the credentials; a server that asks for none goes on without. */
  setCredentials(credentials: Credentials): void {
    this.#isAuthorized &&= basicAuth(credentials)
  }

  /** Returns the answer to a request that must not pass. A password also guards against pages of other names: their browser does not know it. */
  refusal({ headers: { host, authorization }, socket }: IncomingMessage): HttpAnswer | undefined | Promise<HttpAnswer> {
    if (!this.#isAuthorized) return this.#isAllowedHost(host) ? undefined : this.#refuseHost(host)
    const address = socket.remoteAddress ?? ''
    if (authorization === undefined) return unauthorized // how every browser begins
    if (!this.#isAuthorized(authorization)) return this.wrongPasswords.add(address).then(() => unauthorized)
    this.wrongPasswords.reset(address)
    return undefined
  }

  #refuseHost(host = ''): HttpAnswer {
    this.#lastHost = host.slice(0, 100)
    this.#misdirected.add()
    return misdirected
  }
}
