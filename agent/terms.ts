import type { Logger } from 'pino'
import { type Authenticator, basicAuth, type Credentials } from './http/access/basic-auth.ts'
import { compareWithHash } from './http/access/bcrypt/bcrypt.ts'
import { HashQueue } from './http/access/bcrypt/hash-queue.ts'
import { HashedUsers } from './http/access/bcrypt/hashed-users.ts'
import { RateLimit } from './http/access/rate-limit.ts'
import type { Terms } from './http/server.ts'
import { openTls, readTls, type Tls } from './http/tls/tls.ts'
import { Reread, type RereadOptions } from './reread.ts'
import type { Settings } from './settings/load.ts'
import { readPassword } from './settings/secrets/password-file.ts'
import { readWebConfig } from './settings/web-config/web-config.ts'

export interface TermsOptions {
  readonly settings: Settings
  /** Told when the terms have changed. */
  readonly changed: () => void
  readonly log: Logger
}

/** Settings that take effect without a restart, but for what they switch on or off. */
export const reloadable = [
  ...(['allowedHosts', 'metricsAuthUsername', 'metricsAuthPassword', 'metricsAuthPasswordFile'] as const),
  ...(['tlsCert', 'tlsKey', 'webConfigFile'] as const),
]
type TermsSettings = Pick<Settings, (typeof reloadable)[number]>

/** The servers' certificate, users and headers, by the settings and the files that these name. Files are read again when they change. */
export class TermsFiles {
  #settings: TermsSettings
  readonly #certificate: Reread<Tls> | undefined
  readonly #password: Reread<Authenticator> | undefined
  readonly #web: Reread<WebTerms> | undefined

  /** Throws where a file cannot be used. */
  constructor({ settings, changed, log }: TermsOptions) {
    this.#settings = settings
    const has = (key: keyof TermsSettings) => settings[key] !== undefined
    const open = <T>(is: boolean, options: Omit<RereadOptions<T>, 'changed' | 'log'>) =>
      is ? new Reread({ ...options, changed, log }) : undefined
    this.#certificate = open(has('tlsCert'), {
      ...{ what: 'certificate', otherwise: 'still serving the old one' },
      files: () => namesOf(this.#settings.tlsCert, this.#settings.tlsKey),
      read: () => readTls({ certFile: this.#settings.tlsCert ?? '', keyFile: this.#settings.tlsKey ?? '' }),
    })
    this.#password = open(has('metricsAuthUsername'), {
      ...{ what: 'password', otherwise: 'still asking for the old one' },
      files: () => namesOf(this.#settings.metricsAuthPasswordFile),
      read: () => basicAuth(credentialsOf(this.#settings)),
    })
    const queue = new HashQueue(compareWithHash)
    this.#web = open(has('webConfigFile'), {
      ...{ what: 'web configuration', otherwise: 'still using the old one' },
      files: ({ files }) => files,
      read: (before) => readWebTerms(this.#settings.webConfigFile ?? '', queue, before),
    })
  }

  /** Terms of the server that has the metrics. */
  get metrics(): Terms {
    const { allowedHosts } = this.#settings
    if (this.#web) return { ...this.#web.value, allowedHosts }
    return { tls: this.#certificate?.value, authenticator: this.#password?.value, allowedHosts }
  }

  /** Terms of the server that asks nobody for a password or a certificate. */
  get health(): Terms {
    const { tls, headers, allowedHosts } = this.metrics
    return { tls: tls && { ...tls, clients: 'nothing', allowedSans: undefined }, headers, allowedHosts }
  }

  /** Why terms are older than their files, if so. */
  get faults(): readonly string[] {
    return this.#files.flatMap(({ fault }) => fault ?? [])
  }

  /** Looks whether a file has changed; as often as one likes. */
  look(): void {
    for (const file of this.#files) file.look()
  }

  /** Reads all files anew, by these settings. */
  reload(settings: TermsSettings): void {
    const hasOther = settings.metricsAuthPassword !== this.#settings.metricsAuthPassword
    this.#settings = settings
    this.#certificate?.reload()
    if (hasOther || settings.metricsAuthPasswordFile !== undefined) this.#password?.reload()
    this.#web?.reload()
  }

  get #files() {
    return [this.#certificate, this.#password, this.#web].filter((file) => file !== undefined)
  }
}

/** Whether settings switch the same on as others, so that they can take their place without a restart. */
export function switchSameOn(one: TermsSettings, other: TermsSettings): boolean {
  return (['tlsCert', 'tlsKey', 'metricsAuthUsername', 'webConfigFile'] as const).every(
    (key) => (one[key] === undefined) === (other[key] === undefined),
  )
}

const namesOf = (...files: readonly (string | undefined)[]) => files.filter((file) => file !== undefined)

function credentialsOf(settings: TermsSettings): Credentials {
  const { metricsAuthUsername: username = '', metricsAuthPassword: password, metricsAuthPasswordFile: path } = settings
  const file = path === undefined ? undefined : readPassword(path)
  if (file && 'problem' in file) throw new Error(file.problem)
  if (!file && !password) throw new Error('there is no password')
  return { username, password: file?.password ?? password ?? '' }
}

interface WebTerms extends Terms {
  readonly authenticator: HashedUsers | undefined
  readonly files: readonly string[]
}

function readWebTerms(path: string, queue: HashQueue, before: WebTerms | undefined): WebTerms {
  const read = readWebConfig(path)
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const { tls, headers, users, rateLimit, files } = read.config
  if (before && (before.tls === undefined) !== (tls === undefined))
    throw new Error(`${path}: ${tls ? 'HTTPS in place of HTTP' : 'HTTP in place of HTTPS'} takes a restart`)
  return {
    tls: tls && openTls(tls),
    headers,
    authenticator: users.size > 0 ? new HashedUsers(users, queue, before?.authenticator) : undefined,
    rateLimit: rateLimit && new RateLimit(rateLimit),
    files,
  }
}
