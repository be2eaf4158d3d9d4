import { dirname, resolve } from 'node:path'
import type { SecureVersion } from 'node:tls'
import { readSettingsFile } from '../secrets/files.ts'
import { holdsCertificate, type Pem, problemsOfPair } from '../secrets/pem.ts'
import type { Field, Fields } from './fields.ts'
import { type ClientPolicy, cipherList, cipherSuites, clientPolicies, curves, versions } from './tls-names.ts'

/** Certificate, key and what else is agreed on with clients, in OpenSSL's words. */
export interface WebTls {
  readonly cert: string
  readonly key: string
  /** Authorities of clients' certificates. */
  readonly ca: string | undefined
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** Undefined for the agent's own choice. */
  readonly ciphers: string | undefined
  readonly ecdhCurve: string | undefined
  readonly honorCipherOrder: boolean
  readonly clients: ClientPolicy
  /** Names that clients' certificates may be for, one of them at least; undefined for any. */
  readonly allowedSans: readonly string[] | undefined
}

const KEYS = [
  ...(['cert', 'key', 'client_ca', 'cert_file', 'key_file', 'client_auth_type', 'client_ca_file', 'client_allowed_sans'] as const),
  ...(['min_version', 'max_version', 'cipher_suites', 'prefer_server_cipher_suites', 'curve_preferences'] as const),
]
type TlsFields = ReturnType<typeof Fields.prototype.map<(typeof KEYS)[number]>>

/** Reads `tls_server_config` and the files that it names, which may be relative to the folder of this one. */
export function readTls(
  fields: Fields,
  section: Field | undefined,
  path: string,
): { readonly tls: WebTls | undefined; readonly files: readonly string[] } {
  const given = fields.map(section, 'tls_server_config', KEYS)
  const folder = dirname(resolve(path))
  const named = [given.cert_file, given.key_file, given.client_ca_file].flatMap((field) => fields.text(field) ?? [])
  const files = named.map((file) => resolve(folder, file))
  const enabling = ['cert', 'cert_file', 'key', 'key_file', 'client_ca', 'client_ca_file', 'client_auth_type'] as const
  if (enabling.some((key) => fields.text(given[key]) !== undefined)) return { tls: readEnabled(fields, section, given, folder), files }
  if (Object.keys(given).length > 0) fields.warn(section, 'has no cert_file and key_file: plain HTTP is served')
  return { tls: undefined, files }
}

function readEnabled(fields: Fields, section: Field | undefined, given: TlsFields, folder: string): WebTls | undefined {
  const cert = readPem(fields, given.cert_file, given.cert, folder)
  const key = readPem(fields, given.key_file, given.key, folder)
  if (cert === undefined) fields.fail(given.cert_file ?? given.cert ?? section, 'needs cert_file, or cert')
  if (key === undefined) fields.fail(given.key_file ?? given.key ?? section, 'needs key_file, or key')
  for (const { of, problem } of cert && key ? problemsOfPair(cert, key) : [])
    fields.fail(of === 'certificate' ? (given.cert_file ?? given.cert) : (given.key_file ?? given.key), problem)
  const agreed = { ...readVersions(fields, given), ...readAlgorithms(fields, given), ...readClients(fields, given, folder) }
  return cert && key ? { cert: cert.content, key: key.content, ...agreed } : undefined
}

/** The text in PEM of a file, or else of the file itself; undefined where neither is given, null where it cannot be read. */
function readPem(fields: Fields, fileField: Field | undefined, inline: Field | undefined, folder: string): Pem | null | undefined {
  const file = fields.text(fileField)
  if (file === undefined) {
    const content = fields.text(inline)
    return content === undefined ? undefined : { content, shown: `what ${inline?.name} says` }
  }
  const path = resolve(folder, file)
  const read = readSettingsFile(path)
  if ('content' in read) return { content: read.content, shown: JSON.stringify(path) }
  fields.fail(fileField, read.problem)
  return null
}

function readVersions(fields: Fields, { min_version: min, max_version: max }: TlsFields): Pick<WebTls, 'minVersion' | 'maxVersion'> {
  const read = (field: Field | undefined, otherwise: string) => {
    const value = fields.text(field)
    if (field === undefined || value === undefined) return otherwise
    return fields.oneOf({ value, field }, versions, `must be ${Object.keys(versions).join(', ')}`) ? value : otherwise
  }
  const [lowest, highest] = [read(min, 'TLS12'), read(max, 'TLS13')]
  if (lowest > highest) fields.fail(max ?? min, `allows no version of TLS: the lowest is ${lowest}, the highest ${highest}`)
  return { minVersion: versions[lowest] ?? 'TLSv1.2', maxVersion: versions[highest] ?? 'TLSv1.3' }
}

function readAlgorithms(fields: Fields, given: TlsFields): Pick<WebTls, 'ciphers' | 'ecdhCurve' | 'honorCipherOrder'> {
  const suites = names(
    fields,
    given.cipher_suites,
    cipherSuites,
    'must be cipher suites with forward secrecy as Go names them, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  )
  const preferred = names(fields, given.curve_preferences, curves, `must be of ${Object.keys(curves).join(', ')}`)
  return {
    ciphers: suites.length > 0 ? cipherList(suites) : undefined,
    ecdhCurve: preferred.length > 0 ? preferred.join(':') : undefined,
    honorCipherOrder: fields.boolean(given.prefer_server_cipher_suites) ?? true,
  }
}

function names(fields: Fields, field: Field | undefined, table: Readonly<Record<string, string>>, problem: string): readonly string[] {
  return (fields.list(field) ?? []).flatMap((item) => fields.oneOf(item, table, problem) ?? [])
}

function readClients(fields: Fields, given: TlsFields, folder: string): Pick<WebTls, 'ca' | 'clients' | 'allowedSans'> {
  const { client_auth_type: type, client_ca_file: caFile, client_ca: caText, client_allowed_sans: sans } = given
  const value = fields.text(type)
  const policy =
    type && value ? fields.oneOf({ value, field: type }, clientPolicies, `must be ${Object.keys(clientPolicies).join(', ')}`) : 'nothing'
  const ca = readPem(fields, caFile, caText, folder)
  if (ca && !holdsCertificate(ca.content)) fields.fail(caFile ?? caText, `${ca.shown} holds no certificate in PEM`)
  if (ca && policy === 'nothing') fields.fail(caFile ?? caText, 'has no use without client_auth_type, such as RequireAndVerifyClientCert')
  const allowedSans = fields.list(sans)?.map((san) => san.value)
  if (allowedSans && policy && policy !== 'certificate' && policy !== 'valid certificate')
    fields.fail(
      sans,
      'needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert: others let in clients without a certificate',
    )
  return { ca: ca?.content, clients: policy ?? 'nothing', allowedSans }
}
