import { SocketAddress } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** What is asked of clients. */
export interface ClientRules {
  readonly clients: 'nothing' | 'certificate if they like' | 'certificate' | 'valid certificate if they like' | 'valid certificate'
  /** Names that clients' certificates may be for, one of them at least; undefined for any. */
  readonly allowedSans?: readonly string[] | undefined
}

/** Why a client whose handshake has ended is sent away, if so. */
export function refusalOfClient(socket: TLSSocket, { clients, allowedSans }: ClientRules): string | undefined {
  if (clients === 'nothing') return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clients.endsWith('if they like') ? undefined : 'no certificate'
  if (clients.startsWith('valid') && !socket.authorized) return `certificate not valid: ${socket.authorizationError}`
  if (allowedSans === undefined || alternativeNames(certificate.subjectAltName).some((name) => allowedSans.includes(name))) return undefined
  return 'certificate for none of the allowed names'
}

/** Node.js puts a name in quotes, as JSON, where it could be taken for more than one. */
const NAME = /(DNS|IP Address|URI|email):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)|[^,]*(?:, |$)/gy

/** The names of a certificate that exporter-toolkit compares: hosts, addresses, URIs and mail addresses. */
export function alternativeNames(subjectAltName = ''): readonly string[] {
  return [...subjectAltName.matchAll(NAME)].flatMap(([, kind, text = '']) => (kind === undefined ? [] : read(kind, text)))
}

function read(kind: string, text: string): readonly string[] {
  try {
    const name = text.startsWith('"') ? String(JSON.parse(text)) : text
    return [kind === 'IP Address' && name.includes(':') ? new SocketAddress({ address: name, family: 'ipv6' }).address : name]
  } catch {
    return [] // the certificate is a stranger's
  }
}
