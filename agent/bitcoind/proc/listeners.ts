import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { ifReadable } from './read.ts'

const LISTENING = '0A'

/** A process that listens to a TCP port of this machine. `undefined` if none can be seen: other users' take CAP_SYS_PTRACE. */
export function listenerOf(port: number): number | undefined {
  const sockets = new Set(
    ['tcp', 'tcp6'].flatMap((table) => inodes(ifReadable(() => readFileSync(`/proc/net/${table}`, 'latin1')) ?? '', port)),
  )
  if (sockets.size === 0) return undefined
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map(Number)
    .find((pid) => ifReadable(() => readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkIfThere(`/proc/${pid}/fd/${fd}`)))))
}

const readlinkIfThere = (path: string) => ifReadable(() => readlinkSync(path)) ?? ''

/** Lines of proc_net(5): number, local address:port, remote, state, …; the inode is the tenth field. */
function inodes(table: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    return fields[1]?.endsWith(`:${wanted}`) && fields[3] === LISTENING ? [`socket:[${fields[9]}]`] : []
  })
}
