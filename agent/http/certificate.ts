import { readFileSync } from 'node:fs'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** Forward secrecy and authenticated encryption only (RFC 9325 §4.2), in the order of preference of Mozilla's "intermediate". */
const CIPHERS = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
].join(':')

/** Reads a certificate with its key and checks that the two can be served together. */
export function readCertificate({ certFile, keyFile }: TlsFiles) {
  try {
    const context = { cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: 'TLSv1.2', ciphers: CIPHERS } as const
    const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
    const certificate = new X509Certificate(context.cert)
    // OpenSSL takes a key of another kind than the certificate's without a word, and then no handshake succeeds.
    if (!certificate.checkPrivateKey(createPrivateKey(context.key))) throw new Error('the key is not that of the certificate')
    // Loaded only where TLS is used: it takes 2 MB.
    process.getBuiltinModule('node:tls').createSecureContext(context)
    return { context, notAfter: certificate.validToDate }
  } catch (cause) {
    throw new Error(`cannot serve TLS with certificate ${certFile} and key ${keyFile}: ${(cause as Error).message}`, { cause })
  }
}
