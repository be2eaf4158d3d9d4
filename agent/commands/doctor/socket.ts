import { once } from 'node:events'
import { accessSync, constants, lstatSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { Finding } from './finding.ts'

const area = 'ports'
const why = 'the agent does not start without it'

/** Judges whether the agent could make a unix socket. `isAgentThere` says whether an agent of these settings answers. */
export async function judgeSocket(path: string, isAgentThere: () => Promise<boolean>): Promise<Finding> {
  const fault = (what: string): Finding => ({ area, level: 'fault', what, why, todo: 'mend that, or give another --listen-address' })
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
