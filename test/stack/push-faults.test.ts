import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { readBody } from '../harness/request-body.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { pushLog } from './push-log.ts'

const DOWN = 'cannot push metrics; trying again at each interval'
const UP = 'pushing metrics'

interface Request {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly arrivedMs: number
  /** Name in the client's certificate. */
  readonly client: string | undefined
}

interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

beforeEach(requireBpf)

/** An OTLP endpoint that answers as it is told to, with TLS if it is given a certificate. */
async function startEndpoint(answer: RequestListener, tls?: Certificate & { readonly clients?: string }) {
  const requests: Request[] = []
  const endpoint = { answer, requests, url: '' }
  const listener: RequestListener = async (request, response) => {
    const arrivedMs = performance.now()
    const client = (request.socket as Partial<TLSSocket>).getPeerCertificate?.().subject?.CN as string | undefined
    const body = await readBody(request)
    if (!body) return
    requests.push({ headers: request.headers, body, arrivedMs, client })
    endpoint.answer(request, response)
  }
  const server = tls
    ? createTlsServer(
        {
          cert: readFileSync(tls.certFile),
          key: readFileSync(tls.keyFile),
          ...(tls.clients !== undefined && { ca: readFileSync(tls.clients), requestCert: true }),
        },
        listener,
      )
    : createServer(listener)
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  endpoint.url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return endpoint
}

const answering =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end('{}')

/** A certificate for a name or an address, its own authority. */
function certificate(folder: string, name: string, subjectAltName: string): Certificate {
  const [certFile, keyFile] = [`${folder}/${name}.crt`, `${folder}/${name}.key`]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${subjectAltName}`]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, ...subject], { stdio: 'pipe' })
  return { certFile, keyFile }
}

/** An agent that has nothing to measure and pushes that. */
function startPushing(env: Readonly<Record<string, string>>): Promise<AgentProcess> {
  return startAgentProcess({ args: ['--bitcoind', stage().install('bitcoind')], env: { OTEL_METRIC_EXPORT_INTERVAL: '300', ...env } })
}

const messages = (agent: AgentProcess) => pushLog(agent).map(({ msg }) => msg)
const reasons = (agent: AgentProcess) => pushLog(agent).flatMap(({ reason }) => reason ?? [])

describe('an endpoint that does not take pushes', () => {
  it.for([
    ['wrong credentials', answering(401), 'Unauthorized 401'],
    ['an error of its own', answering(500), 'Internal Server Error 500'],
    [
      'a limit that is reached',
      answering(429, { 'Retry-After': '3600' }),
      'the endpoint is busy or not there: it answered 429, 502, 503 or 504',
    ],
    ['overload', answering(503), 'the endpoint is busy or not there: it answered 429, 502, 503 or 504'],
    ['nothing at all', () => {}, 'no answer within 0.27 s'],
    ['a connection that it closes', (request) => void request.socket.destroy(), 'socket hang up ECONNRESET'],
  ] satisfies [string, RequestListener, string][])('is logged once, and once when it is over: %s', async ([, fault, reason]) => {
    const endpoint = await startEndpoint(fault)
    await using agent = await startPushing({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-somebody-else',
    })
    await until(() => endpoint.requests.length >= 4, 'a fourth try')
    endpoint.answer = answering(200)
    await agent.logged(({ msg }) => msg === UP)
    expect(messages(agent)).toEqual([DOWN, UP])
    expect(reasons(agent)).toEqual([reason])
    expect(JSON.stringify(agent.log)).not.toContain('of-somebody-else')
    expect((await agent.scrape()).value('fibre_exporter_export_failures_total')).toBeGreaterThanOrEqual(3)
  })

  it('is tried again after the time that it asks for', async () => {
    const endpoint = await startEndpoint(answering(429, { 'Retry-After': '1' }))
    await using agent = await startPushing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url, OTEL_METRIC_EXPORT_INTERVAL: '4000' })
    await until(() => endpoint.requests.length > 0, 'a push')
    endpoint.answer = answering(200)
    await agent.logged(({ msg }) => msg === UP)
    const [first, second] = endpoint.requests.map(({ arrivedMs }) => arrivedMs)
    expect((second as number) - (first as number)).toSatisfy((ms: number) => ms >= 990 && ms < 3000)
    expect(messages(agent)).toEqual([UP])
  })

  it('keeps no request waiting for longer than it may, and no end', async () => {
    const endpoint = await startEndpoint(() => {})
    await using agent = await startPushing({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
      OTEL_METRIC_EXPORT_INTERVAL: '2000',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    })
    const { time } = await agent.logged(({ msg }) => msg === DOWN)
    expect(Date.parse(time as string) - performance.timeOrigin - (endpoint.requests[0]?.arrivedMs ?? 0)).toBeLessThan(1000)
    await until(() => endpoint.requests.length === 2, 'a second push')
    const start = performance.now()
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('TLS', () => {
  it('refuses a certificate of another name, and logs it once', async () => {
    const tls = certificate(stage().path(), 'other', 'DNS:collector.example')
    const endpoint = await startEndpoint(answering(200), tls)
    await using agent = await startPushing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url, OTEL_EXPORTER_OTLP_CERTIFICATE: tls.certFile })
    await until(async () => ((await agent.scrape()).value('fibre_exporter_export_failures_total') ?? 0) >= 3, 'three failures')
    expect(messages(agent)).toEqual([DOWN])
    expect(reasons(agent)).toEqual([expect.stringMatching(/altnames.*ERR_TLS_CERT_ALTNAME_INVALID/)])
    expect(endpoint.requests).toEqual([])
  })

  it('refuses a certificate that nobody vouches for', async () => {
    const endpoint = await startEndpoint(answering(200), certificate(stage().path(), 'unknown', 'IP:127.0.0.1'))
    await using agent = await startPushing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url })
    await agent.logged(({ msg }) => msg === DOWN)
    expect(reasons(agent)).toEqual([expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT')])
    expect(endpoint.requests).toEqual([])
  })

  it('brings headers, compression, the resource and a client certificate, as the standard names say', async () => {
    const { path } = stage()
    const server = certificate(path(), 'server', 'IP:127.0.0.1')
    const client = certificate(path(), 'node-a', 'DNS:node-a')
    const endpoint = await startEndpoint(answering(200), { ...server, clients: client.certFile })
    await using agent = await startPushing({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint.url}/otlp/v1/metrics`,
      OTEL_EXPORTER_OTLP_CERTIFICATE: server.certFile,
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: client.certFile,
      OTEL_EXPORTER_OTLP_CLIENT_KEY: client.keyFile,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of-ours',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=node-a:9435',
    })
    await agent.logged(({ msg }) => msg === UP)
    const [request] = endpoint.requests
    expect(request?.headers).toMatchObject({ authorization: 'Bearer of-ours', 'content-encoding': 'gzip' })
    expect(request?.client).toBe('node-a')
    const [{ resource }] = JSON.parse(gunzipSync(request?.body ?? '').toString()).resourceMetrics
    const attributes = resource.attributes.map(({ key, value }: { key: string; value: object }) => [key, Object.values(value)[0]])
    expect(Object.fromEntries(attributes)).toMatchObject({
      'service.name': 'fibre-agent',
      'service.instance.id': 'node-a:9435',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      'host.name': expect.any(String),
    })
    expect(messages(agent)).toEqual([UP])
  })
})

describe('before the start', () => {
  it.for([
    ['an authority that is not there', 'OTEL_EXPORTER_OTLP_CERTIFICATE', '/nowhere/ca.pem', '"/nowhere/ca.pem" does not exist'],
    ['a client key that is not there', 'OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY', '/nowhere/key.pem', '"/nowhere/key.pem" does not exist'],
    ['an endpoint that is no URL', 'FIBRE_OTLP_ENDPOINT', 'collector:4318', 'must be an address that begins with http:// or https://'],
    ['a protocol that is not spoken', 'OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'grpc is not spoken here'],
    ['a compression that there is not', 'OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', 'must be gzip or none'],
    ['a header without a value', 'OTEL_EXPORTER_OTLP_HEADERS', 'a=1,authorization', 'entry 2 is no header'],
    ['a header that cannot be sent', 'OTEL_EXPORTER_OTLP_METRICS_HEADERS', 'a=%0Ab', 'entry 1 is no header'],
    ['a timeout that is no number', 'OTEL_EXPORTER_OTLP_TIMEOUT', '10s', 'must be a number of milliseconds'],
  ] as const)('refuses %s, and names the variable', async ([, name, value, problem]) => {
    await using agent = await startAgentProcess({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:4318', [name]: value },
      untilListening: false,
    })
    expect(await agent.exited).toMatchObject({ code: 2, stderr: expect.stringContaining(`${name}: ${problem}`) })
    expect(agent.log).toEqual([])
  })
})
