import { constants } from 'node:os'
import { koffi, lazy, type Pointer } from './koffi.ts'
import { libbpfFunction } from './libbpf.ts'
import { check, closeDescriptor, SystemError } from './libc.ts'

/** Places of a file that somebody's program listens to. */
export interface UprobeLink {
  /** Of the link, as /proc/PID/fdinfo/FD of whoever holds it has it. */
  readonly id: number
  /** Of the file, where the kernel tells (Linux 6.6, and 6.8 for links to many uprobes). */
  readonly path: string
  readonly offsets: readonly bigint[]
  /** The process that it is for alone. */
  readonly pid: number | undefined
}

const { ENOENT } = constants.errno
/** enum bpf_link_type */
const [PERF_EVENT, UPROBE_MULTI] = [7, 12]
/** enum bpf_perf_event_type, and enum bpf_task_fd_type */
const [PERF_EVENT_UPROBE, FD_UPROBE] = [1, 4]
/** struct bpf_link_info (linux/bpf.h), with room for what newer kernels add. */
const INFORMATION_BYTES = 128
const PATH_MAX = 4096
/** A machine has some ten. */
const MOST_LINKS = 4096
/** Places of one link that are looked at. */
const MOST_OFFSETS = 4096

const functions = lazy(() => ({
  nextLink: libbpfFunction('int bpf_link_get_next_id(uint32_t start, _Out_ uint32_t *next)'),
  openLink: libbpfFunction('int bpf_link_get_fd_by_id(uint32_t id)'),
  information: libbpfFunction('int bpf_obj_get_info_by_fd(int fd, _Inout_ uint8_t *information, _Inout_ uint32_t *size)'),
  queryDescriptor: libbpfFunction(
    'int bpf_task_fd_query(int pid, int fd, uint32_t flags, _Out_ uint8_t *text, _Inout_ uint32_t *length, ' +
      '_Out_ uint32_t *program, _Out_ uint32_t *type, _Out_ uint64_t *offset, _Out_ uint64_t *address)',
  ),
}))

/** Lists the BPF links of the machine that are attached to uprobes. Throws where the kernel does not tell: it takes CAP_SYS_ADMIN. */
export function listUprobeLinks(): readonly UprobeLink[] {
  const { nextLink, openLink } = functions()
  const links: UprobeLink[] = []
  const next = [0]
  for (let count = 0; count < MOST_LINKS; count++) {
    const result = nextLink(Number(next[0]), next)
    if (result === -ENOENT) break
    check('list BPF links', result)
    const fd = openLink(Number(next[0]))
    if (fd < 0) continue // closed meanwhile
    try {
      const link = readLink(fd)
      if (link) links.push(link)
    } catch (error) {
      if (!(error instanceof SystemError)) throw error // this kernel does not tell of such a link
    } finally {
      closeDescriptor(fd)
    }
  }
  return links
}

function readLink(fd: number): UprobeLink | undefined {
  const information = readInformation(fd, () => {})
  const [type, id] = [information.readUInt32LE(0), information.readUInt32LE(4)]
  if (type === UPROBE_MULTI) return readMultiLink(fd, id, information)
  return type === PERF_EVENT && information.readUInt32LE(16) === PERF_EVENT_UPROBE ? readPerfLink(fd, id) : undefined
}

/** bpf_link_info.uprobe_multi: path, offsets, ref_ctr_offsets, cookies, path_size, count, flags, pid. */
function readMultiLink(fd: number, id: number, first: Buffer): UprobeLink | undefined {
  const count = first.readUInt32LE(52)
  if (count === 0 || count > MOST_OFFSETS) return undefined
  return withMemory([PATH_MAX, 8 * count], ([path, offsets]) => {
    const information = readInformation(fd, (asked) => {
      asked.writeBigUInt64LE(path as Pointer, 16)
      asked.writeBigUInt64LE(offsets as Pointer, 24)
      asked.writeUInt32LE(PATH_MAX, 48)
      asked.writeUInt32LE(count, 52)
    })
    const bytes = Buffer.from(koffi().view(offsets as Pointer, 8 * count))
    return {
      id,
      path: readText(path as Pointer),
      offsets: Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(8 * i)),
      pid: information.readUInt32LE(60) || undefined,
    }
  })
}

/** bpf_link_info.perf_event.uprobe: file_name, name_len, offset. */
function readPerfLink(fd: number, id: number): UprobeLink {
  return withMemory([PATH_MAX], ([path]) => {
    const information = readInformation(fd, (asked) => {
      asked.writeBigUInt64LE(path as Pointer, 24)
      asked.writeUInt32LE(PATH_MAX, 32)
    })
    return { id, path: readText(path as Pointer), offsets: [BigInt(information.readUInt32LE(36))], pid: undefined }
  })
}

function readInformation(fd: number, ask: (information: Buffer) => void): Buffer {
  const information = Buffer.alloc(INFORMATION_BYTES)
  ask(information)
  check('ask about a BPF link', functions().information(fd, information, [information.length]))
  return information
}

/** Memory that stays where it is while `use` runs. */
function withMemory<T>(sizes: readonly number[], use: (addresses: readonly Pointer[]) => T): T {
  const addresses = sizes.map((size) => koffi().alloc('uint8_t', size) as Pointer)
  try {
    return use(addresses)
  } finally {
    for (const address of addresses) koffi().free(address)
  }
}

function readText(address: Pointer): string {
  const bytes = Buffer.from(koffi().view(address, PATH_MAX))
  return bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)))
}

/**
 * The place to which a perf event of a process is attached, if it is a uprobe that a BPF program listens to: the path as it was
 * given, and the offset. `undefined` for any other, and where the kernel does not tell: it takes CAP_SYS_ADMIN.
 */
export function uprobeOfPerfEvent(pid: number, fd: number): { readonly path: string; readonly offset: bigint } | undefined {
  const text = Buffer.alloc(PATH_MAX)
  const [length, program, type, offset, address] = [[text.length], [0], [0], [0], [0]]
  if (functions().queryDescriptor(pid, fd, 0, text, length, program, type, offset, address) < 0) return undefined
  if (Number(type[0]) !== FD_UPROBE) return undefined
  return { path: text.toString('utf8', 0, Math.max(0, text.indexOf(0))), offset: BigInt(offset[0] as number) }
}
