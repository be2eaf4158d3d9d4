/** Text in PEM, and how a message names it: by its file, without any of its content. */
export interface Pem {
  readonly content: string
  readonly shown: string
}

export interface PairProblem {
  readonly of: 'certificate' | 'key'
  readonly problem: string
}

/** Why a certificate and a key cannot be served together. */
export function problemsOfPair(certificate: Pem, key: Pem): readonly PairProblem[] {
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
  const [parsed, parsedKey] = [parse(certificate.content, (pem) => new X509Certificate(pem)), parse(key.content, createPrivateKey)]
  if (!parsed || !parsedKey)
    return [
      ...(parsed ? [] : [{ of: 'certificate', problem: `${certificate.shown} holds no certificate in PEM` } as const]),
      ...(parsedKey ? [] : [{ of: 'key', problem: `${key.shown} holds no unencrypted private key in PEM` } as const]),
    ]
  // OpenSSL takes a key of another kind than the certificate's without a word, and then no handshake succeeds.
  if (!parsed.checkPrivateKey(parsedKey))
    return [{ of: 'key', problem: `${key.shown} is not the key of the certificate ${certificate.shown}` }]
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert: certificate.content, key: key.content })
    return []
  } catch (error) {
    return [{ of: 'certificate', problem: `${certificate.shown} cannot be served: ${(error as Error).message}` }]
  }
}

/** Whether a text holds a certificate that can be read. */
export function holdsCertificate(content: string): boolean {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  return parse(content, (pem) => new X509Certificate(pem)) !== undefined
}

function parse<T>(content: string, parser: (pem: string) => T): T | undefined {
  try {
    return parser(content)
  } catch {
    return undefined
  }
}
