import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { until } from '../../harness/until.ts'
import { answers, startReceiver } from '../../harness/webhook-receiver.ts'
import { openLoggedWebhook } from './logged-webhook.ts'
import { slowAlert } from './slow-block.ts'

const directory = mkdtempSync(join(tmpdir(), 'webhook-tls-'))
afterAll(() => rmSync(directory, { recursive: true }))
const certificate = createCertificate()

it('is delivered over TLS', async () => {
  trust(certificate.cert)
  const paths: (string | undefined)[] = []
  const url = await listen((path) => void paths.push(path), {})
  const { webhook } = await openLoggedWebhook({ url: `${url}/token` })
  webhook.offer(slowAlert(1))
  await until(() => webhook.state.delivered === 1, 'the delivery')
  expect(paths).toEqual(['/token'])
})

it('is not delivered to a server that nobody vouches for', async () => {
  const paths: (string | undefined)[] = []
  const url = await listen((path) => void paths.push(path), {})
  const { webhook, logged } = await openLoggedWebhook({ url: `${url}/token` })
  webhook.offer(slowAlert(1))
  await until(() => webhook.state.failed >= 2, 'two attempts')
  expect(logged).toMatchObject([{ webhook: url, reason: expect.stringMatching(/self-signed certificate/) }])
  expect(paths).toEqual([])
})

it('does not follow a redirect to where nothing is encrypted', async () => {
  trust(certificate.cert)
  const plain = await startReceiver()
  const url = await listen(() => {}, { Location: `${plain.url}/token` })
  const { webhook, logged } = await openLoggedWebhook({ url })
  webhook.offer(slowAlert(1))
  await until(() => webhook.state.failed >= 2, 'two attempts')
  expect(logged).toMatchObject([{ reason: `redirected to ${plain.url}, which is not encrypted` }])
  expect(plain.received).toEqual([])
})

it('follows a redirect to where all is encrypted, without the password for elsewhere', async () => {
  trust(certificate.cert)
  const authorizations: (string | undefined)[] = []
  const url = await listen((_, authorization) => void authorizations.push(authorization), {})
  const plain = await startReceiver(answers(308, { Location: url }))
  const { webhook } = await openLoggedWebhook({ url: plain.url.replace('//', '//user:password@') })
  webhook.offer(slowAlert(1))
  await until(() => webhook.state.delivered === 1, 'the delivery')
  expect(authorizations).toEqual([undefined])
})

it('says what is wrong where TLS meets a server that has none', async () => {
  const plain = await startReceiver()
  const { webhook, logged } = await openLoggedWebhook({ url: plain.url.replace('http:', 'https:') })
  webhook.offer(slowAlert(1))
  await until(() => webhook.state.failed >= 1, 'an attempt')
  expect(logged).toMatchObject([{ reason: expect.stringMatching(/wrong version number|packet length/i) }])
})

/** Answers 200, or 302 where a `Location` is given. */
async function listen(heard: (path?: string, authorization?: string) => void, headers: { readonly Location?: string }): Promise<string> {
  const server = createServer(certificate, (request, response) => {
    heard(request.url, request.headers.authorization)
    response.writeHead(headers.Location === undefined ? 200 : 302, headers).end()
  })
  onTestFinished(() => void server.close().closeAllConnections())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function trust(authority: Buffer): void {
  const before = getCACertificates('default')
  setDefaultCACertificates([authority])
  onTestFinished(() => setDefaultCACertificates(before))
}

function createCertificate() {
  const [keyFile, certFile] = [join(directory, 'key'), join(directory, 'certificate')]
  const subject = ['-subj', '/CN=receiver', '-addext', 'subjectAltName=IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, ...subject], { stdio: 'pipe' })
  return { key: readFileSync(keyFile), cert: readFileSync(certFile) }
}
