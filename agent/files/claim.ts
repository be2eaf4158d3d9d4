import { readFile, readlink } from 'node:fs/promises'

const FILE = 'lock of fibre-agent'
/** The begin of every claim. */
const BEGINNING = `{"file":"${FILE}"`

/** The identity of a process, as it stands in a lock file. Fields that `/proc` does not tell are missing. */
export interface Claim {
  readonly pid: number
  /** Clock ticks from the boot to its start, which tell it from a later process with its pid. */
  readonly startTicks?: string | undefined
  /** The boot of its kernel. */
  readonly boot?: string | undefined
  /** The namespace that the pid belongs to. */
  readonly pidNamespace?: string | undefined
}

/** The claim of this process. */
export async function ownClaim(): Promise<Claim> {
  const [boot, pidNamespace, state] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => undefined),
    readlink('/proc/self/ns/pid').catch(() => undefined),
    readState(process.pid),
  ])
  return { pid: process.pid, startTicks: state?.startTicks, boot: boot?.trim(), pidNamespace }
}

/** Whether the process of a claim runs; `undefined` where that cannot be seen from here: in another container or on another machine. */
export async function isRunning({ pid, startTicks, boot, pidNamespace }: Claim, own: Claim): Promise<boolean | undefined> {
  const isVisible = boot !== undefined && boot === own.boot && pidNamespace !== undefined && pidNamespace === own.pidNamespace
  if (!isVisible) return undefined
  if (!exists(pid)) return false
  const state = await readState(pid)
  return state === undefined || (!state.hasEnded && state.startTicks === startTicks) // hidepid hides the state, not that it exists
}

export const isSameProcess = (one: Claim, other: Claim) => claimKey(one) === claimKey(other)

export const claimKey = ({ pid, startTicks, boot, pidNamespace }: Claim) => [pid, startTicks, boot, pidNamespace].join(' ')

export function formatClaim(claim: Claim): string {
  return `${JSON.stringify({ file: FILE, ...claim })}\n`
}

/** The claims in a lock file, in their order; `undefined` if it is something else. What a power cut or a full disk left of a line is skipped. */
export function parseClaims(text: string): readonly Claim[] | undefined {
  const lines = text.split('\n').filter((line) => !/^\0*$/.test(line))
  const isOurs = lines.length === 0 || lines.some((line) => line.startsWith(BEGINNING) || BEGINNING.startsWith(line))
  return isOurs ? lines.map(parseClaim).filter((claim) => claim !== undefined) : undefined
}

function parseClaim(line: string): Claim | undefined {
  try {
    const { file, pid, ...rest } = JSON.parse(line)
    return file === FILE && Number.isSafeInteger(pid) && pid > 0 ? { pid, ...rest } : undefined
  } catch {
    return undefined
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** The fields of /proc/PID/stat behind the name, which may hold anything (proc_pid_stat(5)): the state is the first, the start the 20th. */
async function readState(pid: number): Promise<{ readonly hasEnded: boolean; readonly startTicks: string | undefined } | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { hasEnded: fields[0] === 'Z' || fields[0] === 'X', startTicks: fields[19] }
  } catch {
    return undefined
  }
}
