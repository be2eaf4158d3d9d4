import { once } from 'node:events'
import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'

/** Makes a server listen on a unix socket. One that a process left behind when it ended is replaced; one that a process listens on is not. */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  try {
    await listenAt(server, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await removeStale(path, error)
    await listenAt(server, path)
  }
  chmodSync(path, mode)
}

async function listenAt(server: Server, path: string): Promise<void> {
  server.listen({ path })
  await once(server, 'listening')
}

async function removeStale(path: string, cause: unknown): Promise<void> {
  const before = lstatSync(path)
  if (!before.isSocket()) throw new Error('there is something that is no socket; remove it, or name another path', { cause })
  if (await isAnswered(path)) throw new Error('another process listens there; name another path', { cause })
  if (lstatSync(path).ino === before.ino) unlinkSync(path)
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect({ path })
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false
    throw error
  } finally {
    socket.destroy()
  }
}
