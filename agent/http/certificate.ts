import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** Reads a certificate with its key and makes sure that the two can be served together. */
export function readCertificate({ certFile, keyFile }: TlsFiles) {
  try {
    const context = { cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: 'TLSv1.2' } as const
    // Loaded only when it is wanted: it takes 2 MB.
    process.getBuiltinModule('node:tls').createSecureContext(context)
    return { context, notAfter: new X509Certificate(context.cert).validToDate }
  } catch (cause) {
    throw new Error(`cannot serve TLS with certificate ${certFile} and key ${keyFile}: ${(cause as Error).message}`, { cause })
  }
}
