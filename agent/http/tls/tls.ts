import { readFileSync } from 'node:fs'
import type { SecureContextOptions } from 'node:tls'
import type { ClientRules } from './clients.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** What is served by TLS: certificate and key, what may be agreed on with clients, and what is asked of them. */
export interface TlsOptions
  extends Pick<SecureContextOptions, 'cert' | 'key' | 'ca' | 'minVersion' | 'maxVersion' | 'ciphers' | 'ecdhCurve' | 'honorCipherOrder'>,
    Partial<ClientRules> {}

/** TLS options that were checked. */
export interface Tls extends ClientRules {
  readonly context: SecureContextOptions
  /** Expiry of the certificate. */
  readonly notAfter: Date
}

/** Forward secrecy and authenticated encryption only (RFC 9325 §4.2), in the order of preference of Mozilla's "intermediate". */
const CIPHERS = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
].join(':')
/** TLS 1.1 and older have none of these, and sign with SHA-1, which OpenSSL allows at this level only. */
const DATED_CIPHERS = [CIPHERS, 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA'].join(
  ':',
)
const DATED_LEVEL = '@SECLEVEL=0'

/** Checks that a certificate and its key can be served together. */
export function openTls({ clients = 'nothing', allowedSans, ...options }: TlsOptions): Tls {
  const { minVersion = 'TLSv1.2', ciphers } = options
  const isDated = minVersion === 'TLSv1' || minVersion === 'TLSv1.1'
  const context = { ...options, minVersion, ciphers: isDated ? `${ciphers ?? DATED_CIPHERS}:${DATED_LEVEL}` : (ciphers ?? CIPHERS) }
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
  const certificate = new X509Certificate(context.cert as string | Buffer)
  // OpenSSL takes a key of another kind than the certificate's without a word, and then no handshake succeeds.
  if (!certificate.checkPrivateKey(createPrivateKey(context.key as string | Buffer)))
    throw new Error('the key is not that of the certificate')
  // Loaded only where TLS is used: it takes 2 MB.
  process.getBuiltinModule('node:tls').createSecureContext(context)
  return { context, notAfter: certificate.validToDate, clients, allowedSans }
}

/** Reads a certificate with its key and checks that the two can be served together. */
export function readTls({ certFile, keyFile }: TlsFiles): Tls {
  try {
    return openTls({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
  } catch (cause) {
    throw new Error(`cannot serve TLS with certificate ${certFile} and key ${keyFile}: ${(cause as Error).message}`, { cause })
  }
}
