import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { EphemeralKeyInfo, TLSSocket } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { alternativeNames, type ClientRules } from '../../../agent/http/tls/clients.ts'
import { openTls } from '../../../agent/http/tls/tls.ts'
import { until } from '../../harness/until.ts'
import { type Certificate, CertificateMaker } from '../settings/certificates.ts'
import { serve } from './serve.ts'

const routes = { '/metrics': () => ({ status: 200, body: 'up 1\n' }) }
const folder = mkdtempSync(join(tmpdir(), 'fibre-clients-'))
afterAll(() => rmSync(folder, { recursive: true }))
const make = new CertificateMaker(folder)
const server = make.make('server', { names: ['IP:127.0.0.1'] })
const authority = make.make('authority')
const signed = make.make('signed', {
  authority,
  names: ['DNS:scraper.example', 'IP:10.0.0.1', 'IP:fd00::1', 'URI:spiffe://example/prometheus', 'email:ops@example.org'],
})
const nameless = make.make('nameless', { authority })
const selfSigned = make.make('self-signed', { names: ['DNS:scraper.example'] })
const read = ({ cert, key }: Certificate) => ({ cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') })
const tls = (rules: ClientRules) => openTls({ ...read(server), ca: readFileSync(authority.cert, 'utf8'), ...rules })

/** The answer to a client with this certificate, or "refused". */
async function scrape(port: number, client: Certificate | undefined, agent: false | undefined = false): Promise<string> {
  const options = { host: '127.0.0.1', ca: readFileSync(server.cert), ...(client && read(client)) }
  try {
    const [response] = await once(get({ port, path: '/metrics', agent, ...options }), 'response')
    return await text(response)
  } catch {
    return 'refused'
  }
}

describe.each([
  ['nothing', 'up 1\n', 'up 1\n', 'up 1\n'],
  ['certificate if they like', 'up 1\n', 'up 1\n', 'up 1\n'],
  ['certificate', 'refused', 'up 1\n', 'up 1\n'],
  ['valid certificate if they like', 'up 1\n', 'refused', 'up 1\n'],
  ['valid certificate', 'refused', 'refused', 'up 1\n'],
] as const)('a server that asks for: %s', (clients, withNone, withSelfSigned, withSigned) => {
  it('answers and refuses clients with no certificate, one that nobody signed, and one of its authority', async () => {
    const { port } = await serve({ tls: tls({ clients }), routes })
    expect([await scrape(port, undefined), await scrape(port, selfSigned), await scrape(port, signed)]).toEqual([
      withNone,
      withSelfSigned,
      withSigned,
    ])
  })
})

describe('allowed names', () => {
  it.each(['scraper.example', '10.0.0.1', 'fd00::1', 'spiffe://example/prometheus', 'ops@example.org'])(
    'let in a certificate for %s',
    async (name) => {
      const { port } = await serve({ tls: tls({ clients: 'valid certificate', allowedSans: ['other.example', name] }), routes })
      expect(await scrape(port, signed)).toBe('up 1\n')
      expect(await scrape(port, nameless)).toBe('refused')
    },
  )

  it.each(['scraper', '*.example', 'SCRAPER.EXAMPLE', 'example/prometheus', '10.0.0', 'signed', ''])(
    'are compared whole: %j is none of its names',
    async (name) => {
      const { port, logged } = await serve({ tls: tls({ clients: 'valid certificate', allowedSans: [name] }), routes })
      expect(await scrape(port, signed)).toBe('refused')
      await until(() => logged.length === 2, 'a line in the log')
      expect(logged[1]).toMatchObject({
        reason: 'certificate for none of the allowed names',
        msg: 'clients refused for their certificates',
      })
    },
  )

  it('are no way in for a certificate that is not valid, where it has to be', async () => {
    const allowedSans = ['scraper.example']
    const { port } = await serve({ tls: tls({ clients: 'valid certificate', allowedSans }), routes })
    expect(await scrape(port, selfSigned)).toBe('refused')
    const { port: other } = await serve({ tls: tls({ clients: 'certificate', allowedSans }), routes })
    expect(await scrape(other, selfSigned)).toBe('up 1\n')
  })

  it('are read as Node.js writes them, where one name cannot pass for two', () => {
    expect(alternativeNames('DNS:a, IP Address:0:0:0:0:0:0:0:1, URI:http://b/, email:c@d, DirName:"CN=e", DNS:f')).toEqual([
      ...['a', '::1', 'http://b/', 'c@d', 'f'],
    ])
    expect(alternativeNames('DNS:"a\\u002c DNS:b", DNS:c')).toEqual(['a, DNS:b', 'c'])
    expect(alternativeNames('othername:"x\\u002c DNS:b"')).toEqual([])
    expect(alternativeNames('DNS:"a\\x", IP Address:x:y, DNS:b')).toEqual(['b'])
    expect(alternativeNames(undefined)).toEqual([])
  })
})

it('asks for what new terms ask for from the next connection on', async () => {
  const { port, setTerms } = await serve({ tls: tls({ clients: 'nothing' }), routes })
  expect(await scrape(port, undefined)).toBe('up 1\n')
  setTerms({ tls: tls({ clients: 'valid certificate' }) })
  expect([await scrape(port, undefined), await scrape(port, signed)]).toEqual(['refused', 'up 1\n'])
  setTerms({ tls: tls({ clients: 'valid certificate', allowedSans: ['other'] }) })
  expect(await scrape(port, signed)).toBe('refused')
  setTerms({ tls: tls({ clients: 'nothing' }) })
  expect(await scrape(port, undefined)).toBe('up 1\n')
})

describe('what is agreed on', () => {
  const agreed = async (options: object, client: object) => {
    const { port } = await serve({ tls: openTls({ ...read(server), ...options }), routes })
    const request = get({ port, host: '127.0.0.1', path: '/metrics', ca: readFileSync(server.cert), agent: false, ...client })
    const [response] = await once(request, 'response')
    await text(response)
    const socket = response.socket as TLSSocket
    const { name: curve } = socket.getEphemeralKeyInfo() as EphemeralKeyInfo
    return { cipher: socket.getCipher().name, protocol: socket.getProtocol(), curve }
  }

  it('are the cipher suites that are chosen, in their order', async () => {
    const ciphers = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA'
    const two = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384' }
    expect(await agreed({ ciphers, honorCipherOrder: true }, two)).toMatchObject({ cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' })
    expect(await agreed({ ciphers, honorCipherOrder: false }, two)).toMatchObject({ cipher: 'ECDHE-ECDSA-AES128-SHA' })
    await expect(agreed({ ciphers }, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow(/alert/)
  })

  it('are the versions that are chosen, older ones too', async () => {
    const dated = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    expect(await agreed({ minVersion: 'TLSv1.1' }, dated)).toMatchObject({ protocol: 'TLSv1.1' })
    expect(await agreed({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.2' }, {})).toMatchObject({ protocol: 'TLSv1.2' })
    await expect(agreed({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/alert protocol version/)
  })

  it('are the curves that are chosen', async () => {
    expect(await agreed({ ecdhCurve: 'P-521:P-384' }, { maxVersion: 'TLSv1.2' })).toMatchObject({ curve: 'secp521r1' })
    await expect(agreed({ ecdhCurve: 'P-521' }, { ecdhCurve: 'P-256' })).rejects.toThrow(/alert handshake failure/)
  })
})
