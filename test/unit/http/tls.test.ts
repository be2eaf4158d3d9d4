import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { readTls } from '../../../agent/http/tls/tls.ts'
import { exchange, openConnection } from '../../harness/connections.ts'
import { serve } from './serve.ts'

const directory = mkdtempSync(join(tmpdir(), 'fibre-tls-'))
afterAll(() => rmSync(directory, { recursive: true }))
const one = createCertificate('one', 30)
const other = createCertificate('other', 60)
const rsa = createCertificate('rsa', 30, ['rsa:2048'])

const routes = { '/metrics': () => ({ status: 200, body: 'up 1\n' }) }

it('serves over TLS with the given certificate, and tells when that expires', async () => {
  const { url, port, certificateNotAfter } = await serve({ tls: one, routes })
  expect(url).toBe(`https://127.0.0.1:${port}`)
  expect(await scrape(port, one)).toEqual({ status: 200, body: 'up 1\n', certificate: 'one' })
  const days = (Number(certificateNotAfter) - Date.now()) / 86_400_000
  expect(Math.round(days)).toBe(30)
})

it('refuses protocols older than TLS 1.2', async () => {
  const { port } = await serve({ tls: one, routes })
  const dated = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(one.certFile), ...dated })
  await expect(once(socket, 'secureConnect')).rejects.toThrow(/alert protocol version/)
})

describe.each([
  ['an EC key', one],
  ['an RSA key', rsa],
])('of TLS 1.2 with %s', (_, tls) => {
  const shake = async (ciphers: string) => {
    const { port } = await serve({ tls, routes })
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(tls.certFile), maxVersion: 'TLSv1.2', ciphers })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return socket.getCipher().standardName
  }

  it('takes what has forward secrecy and authenticated encryption', async () => {
    expect(await shake('DEFAULT')).toMatch(/^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_\d+_GCM|CHACHA20_POLY1305)_/)
  })

  it.each(['AES128-GCM-SHA256', 'AES256-SHA256', 'ECDHE-RSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-RSA-AES256-SHA'])(
    'refuses %s',
    async (cipher) => {
      await expect(shake(`${cipher}:@SECLEVEL=0`)).rejects.toThrow(/alert handshake failure/)
    },
  )
})

it('serves a renewed certificate from the moment that it is set', async () => {
  const server = await serve({ tls: one, routes })
  expect((await scrape(server.port, one)).certificate).toBe('one')
  server.setTerms({ tls: readTls(other) })
  expect((await scrape(server.port, other)).certificate).toBe('other')
  expect(Math.round((Number(server.certificateNotAfter) - Date.now()) / 86_400_000)).toBe(60)
})

it.each([
  ['a missing file', { ...one, certFile: join(directory, 'missing.crt') }],
  ['the key of another certificate', { ...one, keyFile: other.keyFile }],
  ['a key of another kind', { ...one, keyFile: rsa.keyFile }],
])('does not start with %s, and names the files', async (_, tls) => {
  await expect(serve({ tls, routes })).rejects.toThrow(`cannot serve TLS with certificate ${tls.certFile} and key ${tls.keyFile}: `)
})

it('ends a connection that speaks no TLS, and goes on', async () => {
  const { port } = await serve({ tls: one, routes })
  expect(await exchange(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')).not.toContain('HTTP/1.1 200')
  expect((await scrape(port, one)).status).toBe(200)
})

it('is not held up by unfinished handshakes, neither serving nor closing', async () => {
  const { port, close } = await serve({ tls: one, routes })
  const clients = await Promise.all(Array.from({ length: 200 }, () => openConnection(port)))
  for (const client of clients) client.resume()
  expect((await scrape(port, one)).status).toBe(200)
  const start = performance.now()
  await Promise.all([close(), ...clients.map((client) => once(client, 'close'))])
  expect(performance.now() - start).toBeLessThan(900)
})

it('answers garbage inside TLS as it does outside', async () => {
  const { port } = await serve({ tls: one, routes })
  const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(one.certFile) })
  socket.write('garbage\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
})

it('goes on without TLS where a certificate is set later', async () => {
  const server = await serve({ routes })
  server.setTerms({ tls: readTls(one) })
  expect(server.certificateNotAfter).toBeUndefined()
  expect((await fetch(`${server.url}/metrics`)).status).toBe(200)
})

/** Scrapes over a new connection, trusting only the given certificate, and says which one was shown. */
async function scrape(port: number, { certFile }: { readonly certFile: string }) {
  const request = get({ port, host: '127.0.0.1', path: '/metrics', ca: readFileSync(certFile), agent: false })
  const [response] = await once(request, 'response')
  const { subject } = (response.socket as TLSSocket).getPeerCertificate() as DetailedPeerCertificate
  return { status: response.statusCode, body: await text(response), certificate: subject.CN }
}

function createCertificate(name: string, days: number, kind: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']) {
  const files = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) }
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', String(days)]
  const key = ['-newkey', ...kind, '-nodes', '-keyout', files.keyFile]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', files.certFile, ...subject], { stdio: 'pipe' })
  return files
}
