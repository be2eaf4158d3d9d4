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
    if (settings.healthPort === 0) {
      stderr.write('fibre-agent: health: with --health-port 0 the agent takes any free port, which only its log tells; give it a port\n')
      return { exitCode: 1 }
    }
    const url = new URL(values.ready ? '/ready' : '/health', healthAddress(settings))
    try {
      const { status, body } = await ask(url)
      stdout.write(body.endsWith('\n') ? body : `${body}\n`)
      return { exitCode: status === 200 ? 0 : 1 }
    } catch (error) {
      stderr.write(`fibre-agent: health: no answer from ${url.href}: ${(error as Error).message}${wayOut(url, error)}\n`)
      return { exitCode: 1 }
    }
  },
})

/** Whether an agent that has these settings answers. */
export async function isAgentAt(settings: Settings): Promise<boolean> {
  if (settings.healthPort === 0) return false
  try {
    const { status, body } = await ask(new URL('/health', healthAddress(settings)), { accept: 'application/json' })
    return status === 200 && Array.isArray(JSON.parse(body).reasons)
  } catch {
    return false
  }
}

/** The address of the health server of these settings, seen from this machine. */
export function healthAddress(settings: Settings): string {
  const { listenAddress, healthPort } = settings
  const host = listenAddress === '0.0.0.0' ? '127.0.0.1' : listenAddress === '::' ? '::1' : listenAddress
  return `${hasTls(settings) ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${healthPort}`
}

/** A web configuration file that cannot be used now was read when it could: by most of them HTTPS is served. */
function hasTls({ tlsCert, webConfigFile }: Settings): boolean {
  if (webConfigFile === undefined) return tlsCert !== undefined
  const read = readWebConfig(webConfigFile)
  return 'problems' in read || read.config.tls !== undefined
}

/** A server of HTTPS closes a connection that speaks HTTP. */
function wayOut({ protocol }: URL, error: unknown): string {
  const isCutOff = protocol === 'http:' && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  return isCutOff ? '; does it serve HTTPS? give --tls-cert and --tls-key, or its --config' : ''
}

function ask(
  url: URL,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    // The certificate is for the name that others call the agent by, and nothing secret is sent.
    const options = { headers, agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(TIMEOUT_MS) } as const
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options)
    request.on('error', (error) => reject(error.name === 'AbortError' ? new Error(`none within ${TIMEOUT_MS / 1000} s`) : error))
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
