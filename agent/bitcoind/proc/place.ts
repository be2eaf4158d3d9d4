import { join } from 'node:path'
import { ifReadable, readStart } from './read.ts'

const MOST_MOUNTS = 512 * 1024
const MOST_CHARACTERS = 256

/** A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
interface Mount {
  readonly device: string
  /** The part of the file system that is mounted. */
  readonly root: string
  readonly point: string
  readonly type: string
  readonly source: string
  readonly options: string
}

/**
 * Identifies the file system and path of a directory that the agent sees elsewhere: the same path in two containers is two places.
 * It stays the same when the container is restarted with the same data. `undefined` if process and agent see the same directory.
 */
export function placeOf(path: string, directory: string, ownDirectory: string): string | undefined {
  const there = ifReadable(() => findMount(path, directory))
  if (there === undefined) return undefined
  const here = ifReadable(() => findMount(path, ownDirectory))
  if (here && here.mount.device === there.mount.device && here.path === there.path) return undefined
  const place = describe(there)
  return place.length <= MOST_CHARACTERS ? place : process.getBuiltinModule('node:crypto').createHash('sha256').update(place).digest('hex')
}

interface Found {
  readonly mount: Mount
  /** Within the file system. */
  readonly path: string
}

/** The file system that a path is on: the last of those that are mounted nearest to it. */
function findMount(path: string, directory: string): Found | undefined {
  let nearest: Mount | undefined
  for (const line of readStart(`${directory}/mountinfo`, MOST_MOUNTS).split('\n')) {
    const mount = parse(line)
    if (mount && isWithin(path, mount.point) && mount.point.length >= (nearest?.point.length ?? 0)) nearest = mount
  }
  return nearest && { mount: nearest, path: join(nearest.root, path.slice(nearest.point === '/' ? 0 : nearest.point.length)) }
}

const isWithin = (path: string, point: string) => point === '/' || path === point || path.startsWith(`${point}/`)

function parse(line: string): Mount | undefined {
  const [before, after] = line.split(' - ')
  const [, , device, root, point] = (before ?? '').split(' ').map(unescapeOctal)
  const [type, source, options] = (after ?? '').split(' ').map(unescapeOctal)
  if (!device || !root || !point || !type || source === undefined) return undefined
  return { device, root, point, type, source, options: options ?? '' }
}

const unescapeOctal = (text: string) => text.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))

/** Device numbers are given out anew at each mount of a file system that has no device; what such a one is made of stays. */
function describe({ mount: { device, type, source, options }, path }: Found): string {
  if (type === 'overlay') return join(/(?:^|,)upperdir=([^,]*)/.exec(options)?.[1] ?? device, path)
  if (type === 'tmpfs' || type === 'ramfs') return `${type} ${device} ${path}`
  return `${source} ${path}`
}
