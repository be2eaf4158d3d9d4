import type { SecureVersion } from 'node:tls'

/** OpenSSL's names of the cipher suites that Go's crypto/tls has with forward secrecy, by Go's. Those of TLS 1.3 have one name. */
export const cipherSuites: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
}

/** OpenSSL's names of curves, by Go's. */
export const curves: Readonly<Record<string, string>> = { CurveP256: 'P-256', CurveP384: 'P-384', CurveP521: 'P-521', X25519: 'X25519' }

/** From the oldest to the newest. */
export const versions: Readonly<Record<string, SecureVersion>> = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' }

/** What is asked of clients. */
export type ClientPolicy = 'nothing' | 'certificate if they like' | 'certificate' | 'valid certificate if they like' | 'valid certificate'

/** Go's ClientAuthType; RequireClientCert is exporter-toolkit's older name of the third. */
export const clientPolicies: Readonly<Record<string, ClientPolicy>> = {
  NoClientCert: 'nothing',
  RequestClientCert: 'certificate if they like',
  RequireAnyClientCert: 'certificate',
  RequireClientCert: 'certificate',
  VerifyClientCertIfGiven: 'valid certificate if they like',
  RequireAndVerifyClientCert: 'valid certificate',
}

const TLS_1_3 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

/** OpenSSL's list of cipher suites for those that a file names. As in Go, those of TLS 1.3 are not for choosing. */
export function cipherList(chosen: readonly string[]): string {
  return [...TLS_1_3, ...chosen.filter((suite) => !TLS_1_3.includes(suite))].join(':')
}
