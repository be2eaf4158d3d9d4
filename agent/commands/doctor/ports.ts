import { once } from 'node:events'
import { accessSync, constants, lstatSync } from 'node:fs'
import { connect, createServer, isIPv6 } from 'node:net'
import { dirname } from 'node:path'
import type { LoadedSettings, Settings } from '../../settings/load.ts'
import type { Finding } from './finding.ts'

const TIMEOUT_MS = 3_000

/** Listens on each port for a moment, and looks at each socket. `isAgentThere` says whether an agent of these settings answers. */
export async function judgePorts(settings: Settings, isAgentThere: () => Promise<boolean>): Promise<readonly Finding[]> {
  const { listenAddresses, port, healthPort } = settings
  const findings: Finding[] = []
  for (const address of listenAddresses) {
    if (address.startsWith('unix:')) findings.push(await judgeSocket(address.slice('unix:'.length), isAgentThere))
    else
      for (const [flag, number] of [
        ['port', port],
        ['health-port', healthPort],
      ] as const)
        findings.push(await judgePort(address, flag, number, isAgentThere))
  }
  return findings
}

const area = 'ports'
const WHY = 'the agent does not start without it'

async function judgePort(host: string, flag: string, number: number, isAgentThere: () => Promise<boolean>): Promise<Finding> {
  if (number === 0) return { area, level: 'ok', what: `--${flag} 0: any free port` }
  const place = `${isIPv6(host) ? `[${host}]` : host}:${number}`
  const error = await tryPort(host, number)
  if (error === undefined) return { area, level: 'ok', what: `${place} is free` }
  if (error.code === 'EADDRINUSE' && (await isAgentThere()))
    return { area, level: 'note', what: `${place} is taken, and an agent of these settings runs` }
  return {
    area,
    level: 'fault',
    what: error.code === 'EADDRINUSE' ? `${place} is taken` : `cannot listen on ${place} (${error.code})`,
    why: WHY,
    todo: `stop what listens there, or give another --${flag} or --listen-address`,
  }
}

async function judgeSocket(path: string, isAgentThere: () => Promise<boolean>): Promise<Finding> {
  const fault = (what: string): Finding => ({ area, level: 'fault', what, why: WHY, todo: 'mend that, or give another --listen-address' })
  const code = codeOf(() => accessSync(dirname(path), constants.W_OK))
  if (code !== undefined)
    return fault(`cannot make the socket ${path}: its folder ${code === 'ENOENT' ? 'does not exist' : `refuses (${code})`}`)
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return { area, level: 'ok', what: `the socket ${path} can be made` }
  if (!stats.isSocket()) return fault(`${path} is no socket`)
  if (!(await isAnswered(path)))
    return { area, level: 'ok', what: `the socket ${path} was left by an agent that has ended, and is replaced` }
  if (await isAgentThere()) return { area, level: 'note', what: `${path} is in use, and an agent of these settings runs` }
  return fault(`another process listens on ${path}`)
}

function codeOf(operate: () => void): string | undefined {
  try {
    operate()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
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
