import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { LoadedSettings, Settings } from '../../settings/load.ts'
import type { Finding } from './finding.ts'

const TIMEOUT_MS = 3_000

/** Listens on each port for a moment. `isAgentThere` says whether an agent of these settings answers. */
export async function judgePorts(settings: Settings, isAgentThere: () => Promise<boolean>): Promise<readonly Finding[]> {
  const area = 'ports'
  const { listenAddress: host, port, healthPort } = settings
  const findings: Finding[] = []
  for (const [flag, number] of [
    ['port', port],
    ['health-port', healthPort],
  ] as const) {
    const error = number === 0 ? undefined : await tryPort(host, number)
    if (error === undefined)
      findings.push({ area, level: 'ok', what: number === 0 ? `--${flag} 0: any free port` : `${host}:${number} is free` })
    else if (error.code === 'EADDRINUSE' && (await isAgentThere()))
      findings.push({ area, level: 'note', what: `${host}:${number} is taken, and an agent of these settings runs` })
    else
      findings.push({
        area,
        level: 'fault',
        what: error.code === 'EADDRINUSE' ? `${host}:${number} is taken` : `cannot listen on ${host}:${number} (${error.code})`,
        why: 'the agent does not start without it',
        todo: `stop what listens there, or give another --${flag} or --listen-address`,
      })
  }
  return findings
}

async function tryPort(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  } finally {
    server.close()
  }
}

/** Connects to the receivers of the settings. Nothing is sent. */
export async function judgeReceivers({ settings, proxy }: LoadedSettings): Promise<readonly Finding[]> {
  const { otlpEndpoint, alerts, alertWebhookUrl } = settings
  const collector =
    otlpEndpoint && judgeReceiver('the Collector', otlpEndpoint, Object.keys(proxy).length > 0, 'pushes are lost while it is down')
  const webhook =
    alerts && alertWebhookUrl && judgeReceiver('the webhook', alertWebhookUrl, false, 'slow blocks are told late, or not at all')
  return Promise.all([collector, webhook].filter((pending) => typeof pending === 'object'))
}

/** Only host and port are told: the rest of an address may be secret. */
async function judgeReceiver(name: string, address: string, hasProxy: boolean, why: string): Promise<Finding> {
  const area = 'receivers'
  const { hostname, port, protocol } = new URL(address)
  const place = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  const shown = `${name} at ${hostname}:${place.port}`
  if (hasProxy) return { area, level: 'note', what: `${shown} was not tried: the environment names a proxy` }
  const socket = connect(place)
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { area, level: 'ok', what: `${shown} takes connections` }
  } catch (error) {
    const { name: kind, code, message } = error as NodeJS.ErrnoException
    const reason = kind === 'AbortError' ? `no answer within ${TIMEOUT_MS / 1000} s` : (code ?? message)
    return { area, level: 'warning', what: `${shown} cannot be reached: ${reason}`, why, todo: 'start it, or correct its address' }
  } finally {
    socket.destroy()
  }
}
