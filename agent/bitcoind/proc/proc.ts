import { readlinkSync, statSync } from 'node:fs'
import { uptime } from 'node:os'
import { type Data, findData } from './data.ts'
import { placeOf } from './place.ts'
import { ifReadable, readStart, unlessGone } from './read.ts'

/** A process, as its directory in /proc has it. */
export interface RunningProcess extends Data {
  readonly pid: number
  readonly parent: number
  /** Clock ticks from the host's boot to the start of the process: tells two users of one pid apart. */
  readonly startTicks: number
  /** Effective user. */
  readonly uid: number
  /** Target of /proc/PID/exe, without ` (deleted)`. In another mount namespace the path belongs to that namespace. */
  readonly executable: string
  /** Device and inode of the executable. */
  readonly identity: string
  /** Place of its data, if the same path leads elsewhere for the agent, as with a process in a container. */
  readonly place?: string | undefined
}

/** The fields that are read here come early. */
const MOST = 4096
/** USER_HZ is 100 on both architectures. */
export const MS_PER_TICK = 10

/** Returns the key of a node: processes with the same key are the same node. */
export function keyOf({ chainDirectory, place }: Pick<RunningProcess, 'chainDirectory' | 'place'>): string {
  return place === undefined ? chainDirectory : `${chainDirectory}\0${place}`
}

/** Age of a process. Negative if the time since boot differs in a container. */
export function ageMs({ startTicks }: Pick<RunningProcess, 'startTicks'>): number {
  return uptime() * 1000 - startTicks * MS_PER_TICK
}

/** Device and inode of a file; `undefined` when there is none. Following /proc/PID/exe works for deleted files and across namespaces. */
export function identityOf(path: string): string | undefined {
  const file = unlessGone(() => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return file && `${file.dev}:${file.ino}`
}

export function readExecutable(directory: string): string | undefined {
  return unlessGone(() => readlinkSync(`${directory}/exe`))?.replace(/ \(deleted\)$/, '')
}

/** Whether a process is in this one's namespace of that kind. */
export function sharesNamespace(kind: 'mnt' | 'user', root: string, pid: number): boolean {
  const [its, own] = [pid, 'self'].map((process) => ifReadable(() => readlinkSync(`${root}/${process}/ns/${kind}`)))
  return its !== undefined && its === own
}

/** A process of `root`, which is /proc; `undefined` when it has ended, is a thread, or is still busy with its exec. */
export function readProcess(root: string, pid: number): RunningProcess | undefined {
  const directory = `${root}/${pid}`
  const identity = identityOf(`${directory}/exe`)
  const executable = readExecutable(directory)
  const life = readLife(directory)
  const status = readStatus(directory)
  if (!identity || !executable || !life || status?.group !== life.pid) return undefined
  const sharesMounts = sharesNamespace('mnt', root, pid)
  const data = findData(directory)
  if (!data) return undefined
  const place = sharesMounts ? undefined : placeOf(data.chainDirectory, directory, `${root}/self`)
  const { pid: _, name, ...rest } = life
  return { pid, ...rest, uid: status.uid, executable, identity, ...data, ...(place !== undefined && { place }) }
}

/** The first fields of /proc/PID/stat; `undefined` when the process has ended, reaped or not. */
export function readLife(directory: string) {
  const stat = unlessGone(() => readStart(`${directory}/stat`, MOST))
  if (stat === undefined) return undefined
  // The name in parentheses may itself hold spaces and parentheses; after the last one come the fields from the third on.
  const nameStart = stat.indexOf('(')
  const nameEnd = stat.lastIndexOf(')')
  const fields = stat.slice(nameEnd + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return {
    pid: Number.parseInt(stat, 10),
    /** The kernel's name of it: the executable's, cut to 15 characters. */
    name: stat.slice(nameStart + 1, nameEnd),
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
  }
}

/** Of /proc/PID/status, which everybody may read: the effective user, and the process that it is a thread of, mostly itself. */
export function readStatus(directory: string) {
  const status = unlessGone(() => readStart(`${directory}/status`, MOST))
  if (status === undefined) return undefined
  return {
    group: Number(/^Tgid:\s*(\d+)/m.exec(status)?.[1]),
    uid: Number(/^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1]),
  }
}
