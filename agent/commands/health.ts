import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { readSettings, type Settings } from '../settings/load.ts'
import { readWebConfig } from '../settings/web-config/web-config.ts'
import { defineCommand, misuse } from './command.ts'

/** Docker's HEALTHCHECK and most probes give up after 5 s or more. */
const TIMEOUT_MS = 4_000
const MOST_BYTES = 64 * 1024

const introduction = `Asks the agent that runs on this machine with the same settings (flags, environment, configuration file) how it is, \
by its own address, port and TLS, and prints the answer. Takes all settings of the agent: fibre-agent --help lists them.`

const exitStatus =
  'Exit status: 0 if it is well, 1 if it is not or if nothing answers, 2 when the command line or another setting is wrong.'

/** `fibre-agent health`: asks a running agent. */
export const health = defineCommand({
  flags: { ready: { help: 'Ask whether it measures everything that it should, not only whether it works.' } },
  help: {
    usage: ['fibre-agent health [--ready] [settings]'],
    parts: [introduction, { title: 'Flags', flags: ['ready', 'config', 'health-port', 'listen-address', 'help', 'version'] }, exitStatus],
  },
  problemOfWord: (word) => `${JSON.stringify(word.split('=', 1)[0])}: is no flag`,
  async run({ settings: commandLine, values, problems }, { stdout, stderr, env }) {
    if (problems.length > 0) throw misuse('health', this.help, problems)
    const settings = readSettings(commandLine, env)
    const address = healthAddress(settings)
    if (address === undefined) {
      stderr.write('fibre-agent: health: with --health-port 0 the agent takes any free port, which only its log tells; give it a port\n')
      return { exitCode: 1 }
    }
    const path = values.ready ? '/ready' : '/health'
    try {
      const { status, body } = await ask(address, path)
      stdout.write(body.endsWith('\n') ? body : `${body}\n`)
      return { exitCode: status === 200 ? 0 : 1 }
    } catch (error) {
      const { message } = error as Error
      stderr.write(`fibre-agent: health: no answer from ${address.origin}${path}: ${message}${wayOut(address, error)}\n`)
      return { exitCode: 1 }
    }
  },
})

/** Whether an agent that has these settings answers. */
export async function isAgentAt(settings: Settings, timeoutMs: number): Promise<boolean> {
  const address = healthAddress(settings)
  if (address === undefined) return false
  try {
    const { status, body } = await ask(address, '/health', timeoutMs, { accept: 'application/json' })
    return status === 200 && Array.isArray(JSON.parse(body).reasons)
  } catch {
    return false
  }
}

/** Where the health of an agent is asked for. */
interface HealthAddress {
  /** `https://127.0.0.1:9436`, or `unix:/run/fibre-agent/metrics.sock:` before a path, as curl and nginx write it. */
  readonly origin: string
  readonly socketPath?: string
}

/** The health server of these settings, seen from this machine: at the first host that has a known port, or else on the first socket. */
function healthAddress(settings: Settings): HealthAddress | undefined {
  const { listenAddresses, healthPort } = settings
  const host = listenAddresses.find((address) => !address.startsWith('unix:'))
  const socket = listenAddresses.find((address) => address.startsWith('unix:'))
  if (host !== undefined && (healthPort !== 0 || socket === undefined))
    return healthPort === 0 ? undefined : { origin: `${hasTls(settings) ? 'https' : 'http'}://${localForm(host)}:${healthPort}` }
  return socket === undefined ? undefined : { origin: `${socket}:`, socketPath: socket.slice('unix:'.length) }
}

function localForm(host: string): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return address.includes(':') ? `[${address}]` : address
}

/** A web configuration file that cannot be used now was read when it could: by most of them HTTPS is served. */
function hasTls({ tlsCert, webConfigFile }: Settings): boolean {
  if (webConfigFile === undefined) return tlsCert !== undefined
  const read = readWebConfig(webConfigFile)
  return 'problems' in read || read.config.tls !== undefined
}

/** A server of HTTPS closes a connection that speaks HTTP. */
function wayOut({ origin, socketPath }: HealthAddress, error: unknown): string {
  const isCutOff = !socketPath && origin.startsWith('http:') && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  return isCutOff ? '; does it serve HTTPS? give --tls-cert and --tls-key, or its --config' : ''
}

function ask(
  { origin, socketPath }: HealthAddress,
  path: string,
  timeoutMs = TIMEOUT_MS,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    // The certificate is for the name that others call the agent by, and nothing secret is sent.
    const options = { headers, agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(timeoutMs) } as const
    const request = socketPath
      ? requestHttp({ ...options, socketPath, path })
      : (origin.startsWith('https:') ? requestHttps : requestHttp)(new URL(path, origin), options)
    request.on('error', (error) => reject(error.name === 'AbortError' ? new Error(`none within ${timeoutMs / 1000} s`) : error))
    request.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        if (body.length < MOST_BYTES) body += text
      })
      response.on('end', () => resolve({ status: response.statusCode, body }))
      response.on('error', reject)
    })
    request.end()
  })
}
