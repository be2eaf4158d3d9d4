import { readSettingsFile } from '../secrets/files.ts'
import { YamlText } from '../yaml-text.ts'
import { Fields } from './fields.ts'
import { readHeaders } from './headers.ts'
import { type RateLimit, readRateLimit } from './rate-limit.ts'
import { readTls, type WebTls } from './tls.ts'

/** What a web configuration file of Prometheus' exporter-toolkit says (docs/web-configuration.md there). */
export interface WebConfig {
  /** Undefined where plain HTTP is served. */
  readonly tls: WebTls | undefined
  /** Added to every answer. */
  readonly headers: Readonly<Record<string, string>>
  /** Hashes of passwords (bcrypt), by user name. Without users nobody is asked. */
  readonly users: ReadonlyMap<string, string>
  readonly rateLimit: RateLimit | undefined
  /** The file and those that it names. */
  readonly files: readonly string[]
  readonly warnings: readonly string[]
}

/** Reads a web configuration file, or says what is wrong with it. */
export function readWebConfig(path: string): { readonly config: WebConfig } | { readonly problems: readonly string[] } {
  const file = readSettingsFile(path)
  if ('problem' in file) return { problems: [`the web configuration file ${file.problem}`] }
  const yaml = new YamlText(path, file.content)
  if (yaml.problem) return { problems: [yaml.problem] }
  const fields = new Fields(yaml)
  const config = readSections(fields, path)
  return fields.problems.length > 0 ? { problems: fields.problems } : { config }
}

function readSections(fields: Fields, path: string): WebConfig {
  const sections = fields.map(fields.root, '', ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit'])
  const http = fields.map(sections.http_server_config, 'http_server_config', ['http2', 'headers'])
  if (fields.boolean(http.http2)) fields.warn(http.http2, 'HTTP/2 is not spoken here: clients go on with HTTP/1.1')
  const { tls, files } = readTls(fields, sections.tls_server_config, path)
  return {
    tls,
    headers: readHeaders(fields, http.headers),
    users: readUsers(fields, sections.basic_auth_users),
    rateLimit: readRateLimit(fields, sections.rate_limit),
    files: [path, ...files],
    warnings: fields.warnings,
  }
}

/** bcrypt's hash in the form that htpasswd -B writes. */
const HASH = /^\$2[a-z]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/

function readUsers(fields: Fields, section: ReturnType<Fields['map']>[string]): ReadonlyMap<string, string> {
  const users = fields.texts(section, 'basic_auth_users')
  for (const { value, field } of users.values())
    if (!HASH.test(value)) fields.fail(field, 'must be a password hashed with bcrypt, as `htpasswd -nBC 10 "" | tr -d \':\\n\'` prints it')
  return new Map([...users].map(([name, { value }]) => [name, value]))
}
