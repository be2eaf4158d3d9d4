import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { mountMemory } from '../harness/mounted.ts'
import { startOtlpReceiver } from '../harness/otlp.ts'
import { stage } from '../harness/stage.ts'
import { installAgent } from './installation.ts'
import { asNobody, doctor, quiet } from './run-doctor.ts'

const noPorts = ['--port', '0', '--health-port', '0', '--bitcoind', '/nonexistent'] as const

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A port at which nothing listens any more. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

function createCertificate(keyFile: string, certFile: string) {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, ...subject], { stdio: 'pipe' })
  return { key: readFileSync(keyFile), cert: readFileSync(certFile) }
}

describe('doctor, of ports,', () => {
  it('says who has one, and tells that from an agent that runs', async () => {
    const port = await listen(createServer())
    const { code, findings } = await doctor(['--journal', 'none', '--port', `${port}`, '--health-port', '0'])
    expect(findings.filter(({ level }) => level === 'fault')).toEqual([
      {
        area: 'ports',
        level: 'fault',
        what: expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:${port} is taken by node .*\\(pid ${process.pid}\\) of root$`)),
        why: 'the agent does not start without it',
        todo: 'stop it, or give another --port or --listen-address',
      },
    ])
    expect(code).toBe(2)

    await using running = await startAgentProcess({ args: ['--bitcoind', '/nonexistent'] })
    const healthPort = new URL(running.url('health')).port
    const again = await doctor(['--journal', 'none', '--port', '0', '--health-port', healthPort, '--bitcoind', '/nonexistent'])
    expect(again.told('note')).toContain(`127.0.0.1:${healthPort} is taken, and an agent of these settings runs`)
    expect(again.told('fault')).toEqual([])
    const other = await doctor(['--journal', 'none', '--port', `${await freePort()}`, '--health-port', healthPort])
    expect(other.told('fault')).toContainEqual(expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:${healthPort} is taken by `)))
  })

  it('says what cannot be listened on', async () => {
    const { code, told } = await doctor([...quiet.slice(0, 2), '--listen-address', '192.0.2.1', '--health-port', '0'])
    expect(told('fault')).toEqual(['cannot listen on 192.0.2.1:9435 (EADDRNOTAVAIL)'])
    expect(code).toBe(2)
  })
})

describe('doctor, of the journal,', () => {
  const look = async (journal: string, command?: readonly string[]) => doctor(['--journal', journal, ...noPorts], command)

  it('says that it lies on a read-only file system', async (context) => {
    const memory = mountMemory(context)
    execFileSync('mount', ['-o', 'remount,ro', memory])
    const journal = join(memory, 'blocks.ndjson')
    const { code, told } = await look(journal)
    expect(told('warning')).toContain(`${journal} cannot be written: the file system is read-only`)
    expect(code).toBe(1)
  })

  it('says that the disk is full', async (context) => {
    const memory = mountMemory(context)
    writeFileSync(join(memory, 'filling'), Buffer.alloc(64 * 1024))
    const { code, told } = await look(join(memory, 'blocks.ndjson'))
    expect(told('warning')).toContain(`the disk is full in ${memory}`)
    expect(code).toBe(1)
  })

  it('says whose folder it is that this user may not write', async () => {
    const { path, folder } = stage()
    const journal = join(folder('journal'), 'blocks.ndjson')
    const { findings } = await look(journal, [...asNobody, ...installAgent(path('agent'))])
    expect(findings).toContainEqual({
      area: 'journal',
      level: 'warning',
      what: `${journal} cannot be written: the user nobody may not write ${path('journal')}, which belongs to root`,
      why: 'blocks are not kept, and names of nodes are not remembered',
      todo: `let the user nobody write ${path('journal')}, or give another --journal`,
    })
  })

  it('says which agent writes it', async () => {
    const journal = join(stage().folder('journal'), 'blocks.ndjson')
    await using running = await startAgentProcess({ args: ['--bitcoind', '/nonexistent', '--journal', journal] })
    const { code, told } = await look(journal)
    expect(told('fault')).toEqual([`pid ${running.pid} writes ${journal}`])
    expect(code).toBe(2)
    const healthPort = new URL(running.url('health')).port
    const own = await doctor(['--journal', journal, '--port', '0', '--health-port', healthPort, '--bitcoind', '/nonexistent'])
    expect(own.told('note')).toContain(`pid ${running.pid} writes ${journal}: an agent of these settings runs`)
    expect(own.code).toBe(1)
  })
})

describe('doctor, of the Collector,', () => {
  const secret = 'hush-hush'
  const look = (endpoint: string, env: Readonly<Record<string, string>> = {}) =>
    doctor([...quiet, '--bitcoind', '/nonexistent', '--otlp-endpoint', endpoint], undefined, env)

  it('pushes a request without metrics, with the headers of a push', async () => {
    const { url, pushes } = await startOtlpReceiver()
    const { told } = await look(url)
    expect(told('ok')).toContain(`the Collector at ${new URL(url).host} takes metrics`)
    expect(pushes.map(({ size }) => size)).toEqual([0])
  })

  it.each<[string, RequestListener, string]>([
    ['401', (_, response) => void response.writeHead(401).end(secret), 'refuses the credentials: it answers 401'],
    ['404', (_, response) => void response.writeHead(404).end(), 'has no receiver of OTLP at this path: it answers 404'],
    ['a page', (_, response) => void response.end('<html>'), 'answers, but not as a receiver of OTLP'],
    ['nothing', () => {}, 'cannot be reached: it does not answer in time'],
  ])('says in words what it answers: %s', async (_case, answer, said) => {
    const headers: unknown[] = []
    const server = createHttpServer((request, response) => {
      headers.push(request.headers.authorization)
      answer(request, response)
    })
    const port = await listen(server)
    onTestFinished(() => server.closeAllConnections())
    const { code, told, stdout } = await look(`http://127.0.0.1:${port}`, { OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}` })
    expect(told('warning')).toContain(`the Collector at 127.0.0.1:${port} ${said}`)
    expect(headers).toEqual([secret])
    expect(stdout).not.toContain(secret)
    expect(code).toBe(1)
  })

  it('says that it is down, as is the webhook, without the secret part of their addresses', async () => {
    const address = `http://user:${secret}@127.0.0.1:${await freePort()}`
    const place = new URL(address).host
    const { code, told, stdout } = await doctor([...quiet, '--otlp-endpoint', address, '--alert-webhook-url', `${address}/${secret}`])
    expect(told('warning')).toEqual(
      expect.arrayContaining([
        `the Collector at ${place} cannot be reached: nothing listens there (ECONNREFUSED)`,
        `the webhook at ${place} cannot be reached: nothing listens there (ECONNREFUSED)`,
      ]),
    )
    expect(stdout).not.toContain(secret)
    expect(code).toBe(1)
  })
})

describe('doctor, of the webhook,', () => {
  const look = (url: string, env: Readonly<Record<string, string>> = {}) =>
    doctor([...quiet, '--bitcoind', '/nonexistent', '--alert-webhook-url', url], undefined, env)

  it('shakes hands, and posts nothing', async () => {
    const { path } = stage()
    const { cert, key } = createCertificate(path('key'), path('certificate'))
    const requests: unknown[] = []
    const port = await listen(createHttpsServer({ cert, key }, (request) => void requests.push(request.method)))
    const url = `https://localhost:${port}/token`
    const untrusted = await look(url)
    expect(untrusted.told('warning')).toContain(
      `the webhook at localhost:${port} cannot be reached: its certificate is self-signed, and not trusted`,
    )
    const { told } = await look(url, { NODE_EXTRA_CA_CERTS: path('certificate') })
    expect(told('ok')).toContain(`the webhook at localhost:${port} takes connections, and its certificate is trusted`)
    expect(requests).toEqual([])
  })

  it('says that its name is not known', async () => {
    const { told } = await look('https://webhook.invalid/token')
    expect(told('warning').join('\n')).toMatch(
      /^the webhook at webhook\.invalid:443 cannot be reached: (its name is not known to DNS|DNS does not answer)/m,
    )
  })
})

describe('doctor, of the log source,', () => {
  it('asks for no privileges, and says whether debug.log can be read', async () => {
    const { path } = stage()
    const log = path('debug.log')
    writeFileSync(log, '')
    chmodSync(log, 0o600)
    const args = [...quiet, '--source', 'log', '--debug-log', log, '--node-name', 'alpha']
    const ofRoot = await doctor(args)
    expect(ofRoot.told('ok')).toContain(`node alpha: ${log} can be read`)
    expect(ofRoot.told('fault')).toEqual([])
    const ofOther = await doctor(args, [...asNobody, ...installAgent(path('agent'))])
    expect(ofOther.told('fault')).toEqual([expect.stringMatching(/^node alpha: EACCES: permission denied/)])
    expect(ofOther.code).toBe(2)
  })
})
