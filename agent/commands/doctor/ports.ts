import { once } from 'node:events'
import { createServer, isIPv6 } from 'node:net'
import { listenerOf } from '../../bitcoind/proc/listeners.ts'
import { readStatus } from '../../bitcoind/proc/proc.ts'
import { programOf } from '../../bitcoind/proc/program-name.ts'
import { ifReadable } from '../../bitcoind/proc/read.ts'
import { nameOfUser } from '../../bitcoind/proc/users.ts'
import type { Settings } from '../../settings/load.ts'
import type { Finding } from './finding.ts'
import { judgeSocket } from './socket.ts'

const area = 'ports'

/** Listens on each port for a moment, and looks at each socket. `isAgentThere` says whether an agent of these settings answers. */
export async function judgePorts(settings: Settings, isAgentThere: () => Promise<boolean>): Promise<readonly Finding[]> {
  const { listenAddresses, port, healthPort } = settings
  const findings: Finding[] = []
  for (const address of listenAddresses) {
    if (address.startsWith('unix:')) findings.push(await judgeSocket(address.slice('unix:'.length), isAgentThere))
    else {
      const tried = await Promise.all([tryPort(address, 'port', port), tryPort(address, 'health-port', healthPort)])
      // An agent of other settings may have one of the two.
      const isAgents = tried.every(({ number, error }) => number === 0 || isInUse(error)) && tried.some(({ error }) => error)
      const isOwn = isAgents && (await isAgentThere())
      findings.push(...tried.map((one) => judgePort(one, isOwn)))
    }
  }
  return findings
}

interface Tried {
  readonly host: string
  readonly flag: string
  /** 0 for any port, which is not tried. */
  readonly number: number
  /** Why nobody can listen there, if so. */
  readonly error?: NodeJS.ErrnoException | undefined
}

function judgePort({ host, flag, number, error }: Tried, isOwn: boolean): Finding {
  if (number === 0) return { area, level: 'ok', what: `--${flag} 0: any free port` }
  const place = `${isIPv6(host) ? `[${host}]` : host}:${number}`
  if (error === undefined) return { area, level: 'ok', what: `${place} is free` }
  if (isOwn) return { area, level: 'note', what: `${place} is taken, and an agent of these settings runs` }
  return judgeError(error, place, flag, number)
}

const isInUse = (error: NodeJS.ErrnoException | undefined) => error?.code === 'EADDRINUSE'

function judgeError({ code }: NodeJS.ErrnoException, place: string, flag: string, port: number): Finding {
  const why = 'the agent does not start without it'
  const fault = { area, level: 'fault', why } as const
  if (code === 'EADDRINUSE') {
    const holder = ifReadable(() => listenerOf(port))
    const who = holder === undefined ? 'a program that cannot be seen from here (as root, this command names it)' : describe(holder)
    return { ...fault, what: `${place} is taken by ${who}`, todo: `stop it, or give another --${flag} or --listen-address` }
  }
  const todos: Readonly<Record<string, string>> = {
    EADDRNOTAVAIL: 'this machine does not have that address: give another --listen-address',
    EACCES: 'ports below 1024 take CAP_NET_BIND_SERVICE: give another, or the capability',
  }
  return { ...fault, what: `cannot listen on ${place} (${code})`, todo: todos[code ?? ''] ?? `give another --${flag} or --listen-address` }
}

function describe(pid: number): string {
  const uid = ifReadable(() => readStatus(`/proc/${pid}`)?.uid)
  return `${programOf(pid)}${uid === undefined ? '' : ` of ${nameOfUser(uid)}`}`
}

async function tryPort(host: string, flag: string, number: number): Promise<Tried> {
  const tried = { host, flag, number }
  if (number === 0) return tried
  const server = createServer()
  try {
    server.listen({ host, port: number, exclusive: true })
    await once(server, 'listening')
    return tried
  } catch (error) {
    return { ...tried, error: error as NodeJS.ErrnoException }
  } finally {
    server.close()
  }
}
