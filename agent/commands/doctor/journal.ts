import { accessSync, constants, type Stats, statfsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { nameOfUser } from '../../bitcoind/proc/users.ts'
import { isRunning, ownClaim, parseClaims } from '../../files/claim.ts'
import type { Finding } from './finding.ts'

const area = 'journal'
const why = 'blocks are not kept, and names of nodes are not remembered'
/** A year of blocks of a node. */
const LEAST_BYTES = 64 * 2 ** 20

/** Judges whether the agent could write the journal. Nothing is written. `isAgentThere` says whether an agent of these settings answers. */
export async function judgeJournal(path: string | undefined, isAgentThere: () => Promise<boolean>): Promise<readonly Finding[]> {
  if (path === undefined) return [{ area, level: 'note', what: 'no journal is kept', why: 'there is no history after a restart' }]
  const folder = dirname(path)
  const fault = faultOf(path, folder)
  if (fault !== undefined) return [{ area, level: 'warning', what: `${path} cannot be written: ${fault.what}`, why, todo: fault.todo }]
  return [{ area, level: 'ok', what: `${path} can be written` }, ...judgeRoom(folder), ...(await judgeHolder(path, isAgentThere))]
}

const PART_IS_FILE = 'a part of its path is a file'

/** By the type that statfs(2) tells. Root seems to be allowed to write there. */
const kernelFileSystems: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0xcafe4a11, 'bpf'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0x1cd1, 'devpts'],
])

interface Fault {
  readonly what: string
  readonly todo: string
}

function faultOf(path: string, folder: string): Fault | undefined {
  const another = 'give another --journal'
  try {
    const file = statIfThere(path)
    // The agent makes the folder, but not the one above it.
    const place = [folder, dirname(folder)].find((one) => statIfThere(one))
    if (place === undefined) return { what: `${folder} does not exist`, todo: `mkdir -p ${folder}` }
    if (!statSync(place).isDirectory()) return { what: PART_IS_FILE, todo: another }
    const kind = kernelFileSystems.get(statfsSync(place).type)
    if (kind !== undefined) return { what: `${place} is the kernel's own (${kind}), and keeps no files of others`, todo: another }
    for (const one of [place, ...(file ? [path] : [])]) accessSync(one, constants.W_OK)
    return undefined
  } catch (error) {
    const { code, path: place = folder } = error as NodeJS.ErrnoException
    const user = nameOfUser(process.geteuid?.() ?? 0)
    if (code === 'EROFS')
      return { what: 'the file system is read-only', todo: `mount it for writing (ReadWritePaths= in a systemd unit), or ${another}` }
    if (code === 'ENOTDIR') return { what: PART_IS_FILE, todo: another }
    if (code !== 'EACCES' && code !== 'EPERM') return { what: (error as Error).message, todo: another }
    return { what: `the user ${user} may not write ${ownedBy(place)}`, todo: `let the user ${user} write ${folder}, or ${another}` }
  }
}

function ownedBy(place: string): string {
  try {
    return `${place}, which belongs to ${nameOfUser(statSync(place).uid)}`
  } catch {
    return place // nor look there
  }
}

/** Throws where this user may not look. */
const statIfThere = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false })

function judgeRoom(folder: string): readonly Finding[] {
  try {
    const { blocks, bavail, bsize, files, ffree } = statfsSync(statIfThere(folder) ? folder : dirname(folder))
    if (blocks === 0) return [] // it does not tell, as some network file systems
    const mebibytes = Math.floor((bavail * bsize) / 2 ** 20)
    const level = 'warning'
    if (bavail * bsize < LEAST_BYTES)
      return [
        {
          area,
          level,
          what: `${mebibytes === 0 ? 'the disk is full' : `only ${mebibytes} MiB are free`} in ${folder}`,
          why,
          todo: 'make room there, or give another --journal',
        },
      ]
    if (files > 0 && ffree === 0)
      return [{ area, level, what: `no more files can be made in ${folder}`, why, todo: 'delete some there, or give another --journal' }]
    return []
  } catch (error) {
    return [{ area, level: 'note', what: `the room in ${folder} could not be read (${(error as Error).message})` }]
  }
}

/** Reads the lock file, without a claim of its own. */
async function judgeHolder(path: string, isAgentThere: () => Promise<boolean>): Promise<readonly Finding[]> {
  const pid = await readHolder(path)
  if (pid === undefined) return []
  const what = `pid ${pid} writes ${path}`
  if (await isAgentThere()) return [{ area, level: 'note', what: `${what}: an agent of these settings runs` }]
  return [{ area, level: 'fault', what, why: 'a second agent does not start with it', todo: 'stop that agent, or give another --journal' }]
}

/** The process that writes a journal, if one does. */
export async function readHolder(path: string): Promise<number | undefined> {
  const text = await readFile(`${path}.lock`, 'utf8').catch(() => '')
  const own = await ownClaim()
  for (const claim of parseClaims(text) ?? []) if (await isRunning(claim, own)) return claim.pid
  return undefined
}
