import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { freePorts } from '../harness/free-ports.ts'
import { attached, FiredCounts, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { startCollector } from './otelcol.ts'
import { startPrometheus } from './prometheus.ts'
import { requireStack, tellOnFailure } from './requirements.ts'
import { shipped } from './shipped.ts'
import { startVictoriaLogs } from './victorialogs.ts'

const CUT_MS = 60_000
const names = ['a', 'b', 'c'] as const
/** Each node relays another number of blocks, the first of which are the same. */
const blocksOf = { a: 20, b: 30, c: 40 } as const
const CUT_OFF = 'b'
/** Blocks come all through the cut. */
const FIRING_US = 50_000_000
/** Counters of a node, by type of event. */
const counters = {
  block_connected: 'bitcoin_blocks_connected_total',
  block_reconstructed: 'fibre_blocks_reconstructed_total',
  block_send_start: 'fibre_blocks_sent_total',
  race_winner: 'fibre_block_race_wins_total',
} as const

it('keeps a fleet apart by node, brings in a node that was cut off, and shows a block as all nodes saw it', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs', 'prometheus')
  const { path, folder, install } = stage()
  const tls = authority(folder('authority'))
  await using prometheus = await startPrometheus({ config: shipped('prometheus-otlp.yaml'), folder: path('prometheus'), otlp: true })
  await using store = await startVictoriaLogs(path('logs'))
  tls.issue('gateway', folder('gateway'), 'gateway', 'nodes-ca')
  await using gateway = await startCollector({
    configs: [shipped('gateway.yaml')],
    env: {
      GATEWAY_TLS_DIR: path('gateway'),
      LOGS_OTLP: store.otlpUrl,
      PROMETHEUS_OTLP: prometheus.otlpUrl,
      COLLECTOR_STATE_DIR: path('gateway/state'),
    },
  })
  const gatewayPort = Number(new URL(gateway.url).port)
  await expect(post(`https://127.0.0.1:${gatewayPort}/v1/logs`, path('gateway/nodes-ca.crt')), 'a stranger').rejects.toThrow()
  await until(() => gateway.log.includes("client didn't provide a certificate"), 'the gateway to say so')

  await using stack = new AsyncDisposableStack()
  const members = await Promise.all(
    names.map(async (name) => {
      tls.issue(name, folder(name, 'tls'), 'node', 'gateway-ca')
      const way = stack.use(await openWay(gatewayPort))
      const collector = stack.use(
        await startCollector({
          configs: [shipped('config.yaml'), shipped('to-gateway.yaml')],
          env: {
            FIBRE_NODE_NAME: name,
            GATEWAY_URL: `https://127.0.0.1:${way.port}`,
            NODE_TLS_DIR: path(name, 'tls'),
            BITCOIN_DEBUG_LOG: path(name, 'debug.log'),
            FIBRE_LOG_FILE: path(name, 'agent.log'),
            LOG_START_AT: 'beginning',
            COLLECTOR_STATE_DIR: path(name, 'state'),
          },
        }),
      )
      const bitcoind = install(name, 'bitcoind')
      const node = stack.use(await startNode(bitcoind, path(name)))
      // On one machine it is the port that makes the instance.
      const [port, healthPort] = await freePorts(2)
      const args = ['--bitcoind', bitcoind, '--node-name', name, '--log-file', path(name, 'agent.log'), '--port', `${port}`]
      const push = ['--health-port', `${healthPort}`, '--otlp-endpoint', collector.url, '--otlp-interval', '1']
      stack.use(await startAgentProcess({ args: [...args, ...push] }))
      await attached(node)
      return { name, way, collector, node, fired: new FiredCounts() }
    }),
  )
  tellOnFailure({ prometheus, store, gateway, ...Object.fromEntries(members.map(({ name, collector }) => [name, collector])) })

  const cut = members.find(({ name }) => name === CUT_OFF)
  if (!cut) throw new Error(`there is no node ${CUT_OFF}`)
  await cut.way.close()
  const cutAt = Date.now() / 1000
  const cutOver = setTimeout(CUT_MS)
  await Promise.all(
    members.map(async ({ name, node, fired }) => {
      fired.add(await node.command(`blocks ${blocksOf[name]} ${Math.round(FIRING_US / blocksOf[name])}`))
    }),
  )

  const blocksStored = (name: string) => `bitcoin_blocks_connected_total{node="${name}"}`
  const isStored = ({ name }: { readonly name: keyof typeof blocksOf }) =>
    prometheus.until(`${blocksStored(name)} == ${blocksOf[name]}`, `all blocks of ${name}`, 60_000)
  await Promise.all(members.filter((member) => member !== cut).map(isStored))
  await cutOver
  expect(await prometheus.query(`${blocksStored(CUT_OFF)} > 0`), 'what came of the node that was cut off').toEqual([])
  const backAt = Date.now() / 1000
  await cut.way.open()
  await Promise.all(members.map(isStored))
  // What waited comes in order: a sample from after the cut says that all before it are there.
  await prometheus.until(`timestamp(${blocksStored(CUT_OFF)}) > ${backAt}`, `the samples of ${CUT_OFF} up to now`, 60_000)

  for (const { name, fired } of members) {
    const counted = Object.fromEntries(
      await Promise.all(
        Object.entries(counters).map(async ([type, metric]) => {
          const [sum] = await prometheus.query(`sum(${metric}{node="${name}"})`)
          return [type, sum?.value]
        }),
      ),
    )
    expect(fired.expected, name).toMatchObject(counted)
    const [blocks] = await prometheus.samples(`${blocksStored(name)}[10m]`)
    const times = [cutAt, ...(blocks?.points.map(({ time }) => time).filter((time) => time > cutAt && time < backAt) ?? []), backAt]
    expect(Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? 0))), `longest gap of ${name}`).toBeLessThan(10)
  }
  const series = await prometheus.series('{__name__=~"(fibre|bitcoin)_.+"}')
  const ofNodes = series.filter(({ node }) => node !== undefined)
  expect(new Set(ofNodes.map(({ node }) => node))).toEqual(new Set(names))
  expect(new Set(ofNodes.map(({ node, instance }) => `${node} ${instance}`)).size, 'agents').toBe(names.length)
  expect(series.filter(({ node, __name__ = '' }) => node === undefined && !__name__.startsWith('fibre_exporter_'))).toEqual([])

  for (const { name } of members) {
    const written = linesOf(path(name, 'debug.log'))
    const stored = async () => (await store.query(`{job="bitcoin",node="${name}"}`)).map(({ line }) => line)
    await until(async () => new Set(await stored()).size >= new Set(written).size, `the lines of ${name}`, 30_000)
    expect([...new Set(await stored())].sort(), name).toEqual([...new Set(written)].sort())
  }
  const race = linesOf(path('a', 'debug.log')).find((line) => line.includes(' winner='))
  const hash = / block=([0-9a-f]{64}) /.exec(race ?? '')?.[1]
  const seen = await store.query(`{job="bitcoin"} block_hash:="${hash}" winner:*`)
  expect(seen.map(({ stream, line }) => [stream.node, line]).sort()).toEqual(
    names.map((name) => [
      name,
      linesOf(path(name, 'debug.log')).find((line) => line.includes(` block=${hash} `) && line.includes(' winner=')),
    ]),
  )
  for (const { line, fields } of seen) expect(line).toContain(` winner=${fields.winner} winner_peer=${fields.winner_peer} `)
})

/** The way to a port, which can be closed: connections end, new ones are refused. */
async function openWay(target: number) {
  const [port] = (await freePorts(1)) as [number]
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => void sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)))
  const server = createServer((inner) => {
    const outer = connect(target, '127.0.0.1')
    for (const socket of [inner, outer]) keep(socket)
    inner.pipe(outer).pipe(inner)
  })
  const way = {
    port,
    open: () => once(server.listen(port, '127.0.0.1'), 'listening'),
    close: async () => {
      const closed = once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
    [Symbol.asyncDispose]: async () => void (server.listening && (await way.close())),
  }
  await way.open()
  return way
}

/** The fleet's authority, made as collector/README.md says. */
function authority(folder: string) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=fleet', '-keyout', 'ca.key', '-out', 'ca.crt')
  /** Certificate and key, and the authority, under the names that a machine's configuration asks for. */
  const issue = (subject: string, target: string, file: string, authorityFile: string) => {
    const wanted = ['-subj', `/CN=${subject}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    openssl('req', ...key, ...wanted, '-keyout', `${target}/${file}.key`, '-out', `${subject}.csr`)
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', `${subject}.csr`, ...signing, '-out', `${target}/${file}.crt`)
    copyFileSync(`${folder}/ca.crt`, `${target}/${authorityFile}.crt`)
  }
  return { issue }
}

/** Sends to the gateway as somebody without a certificate. */
async function post(url: string, authorityFile: string): Promise<void> {
  const sent = request(url, { method: 'POST', ca: readFileSync(authorityFile) })
  sent.end('{}')
  await once(sent, 'response')
}

const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
