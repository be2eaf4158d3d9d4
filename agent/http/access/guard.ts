import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { Answer } from '../answer.ts'
import { basicAuth, type Credentials, unauthorized } from './basic-auth.ts'
import { hostCheck, misdirected } from './hosts.ts'
import { Tally } from './throttled-log.ts'
import { WrongPasswords } from './wrong-passwords.ts'

export interface GuardOptions {
  /** Asked for on every path when given. */
  readonly credentials?: Credentials | undefined
  /** Names that this machine goes by besides its own; "*" stands for all. */
  readonly allowedHosts?: readonly string[] | undefined
  readonly log: Logger
}

/** Lets a request pass or says what it is answered instead. */
export class Guard {
  readonly wrongPasswords: WrongPasswords
  readonly #isAllowedHost: (header: string | undefined) => boolean
  readonly #misdirected: Tally
  #isAuthorized: ((header: string | undefined) => boolean) | undefined
  #lastHost = ''

  constructor({ credentials, allowedHosts = [], log }: GuardOptions) {
    this.wrongPasswords = new WrongPasswords(log)
    this.#isAllowedHost = hostCheck(allowedHosts)
    this.#misdirected = new Tally((count) =>
      log.warn({ count, host: this.#lastHost }, 'requests for another host refused; if this machine goes by that name: --allowed-hosts'),
    )
    this.#isAuthorized = credentials && basicAuth(credentials)
  }

  /** Takes the place of those that were asked for. A server that asks for none stays so. */
  setCredentials(credentials: Credentials): void {
    this.#isAuthorized &&= basicAuth(credentials)
  }

  /** The answer to a request that must not pass. A password guards against pages of other names, too: their browser does not know it. */
  refusal({ headers: { host, authorization }, socket }: IncomingMessage): Answer | undefined | Promise<Answer> {
    if (!this.#isAuthorized) return this.#isAllowedHost(host) ? undefined : this.#refuseHost(host)
    const address = socket.remoteAddress ?? ''
    if (authorization === undefined) return unauthorized // how every browser begins
    if (!this.#isAuthorized(authorization)) return this.wrongPasswords.add(address).then(() => unauthorized)
    this.wrongPasswords.right(address)
    return undefined
  }

  #refuseHost(host = ''): Answer {
    this.#lastHost = host.slice(0, 100)
    this.#misdirected.add()
    return misdirected
  }
}
