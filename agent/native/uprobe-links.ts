import { koffi, type Pointer } from './koffi.ts'
import { attachUprobe, programFd } from './libbpf.ts'
import { bpfCall, check, closeDescriptor, SystemError } from './libc.ts'

const BPF_LINK_CREATE = 28
const BPF_TRACE_UPROBE_MULTI = 48

/** A probe's place in a file, and the cookie by which the program finds its spec. */
export interface ProbeSite {
  readonly offset: bigint
  readonly semaphoreOffset: bigint
  readonly cookie: bigint
}

/** Attaches a program to all sites of one process with a single link (Linux 6.6), and returns its descriptor. */
export function openMultiLink(program: Pointer, path: string, pid: number, sites: readonly ProbeSite[]): number {
  return check('attach', createMultiLink(program, path, pid, sites))
}

/** Attaches a program to one site of one process through a perf event (Linux 5.15). */
export function openPerfLink(program: Pointer, path: string, pid: number, site: ProbeSite): Pointer {
  return attachUprobe(program, pid, path, Number(site.offset), Number(site.semaphoreOffset), site.cookie)
}

/**
 * Whether this kernel has links to many uprobes that filter by process. The first of them filtered by thread, and lost what
 * other threads hit; they accept a negative pid. libbpf finds out in the same way. Throws where it cannot be told.
 */
export function hasMultiUprobes(program: Pointer): boolean {
  const site = [{ offset: 1n, semaphoreOffset: 0n, cookie: 0n }]
  const { EBADF, EINVAL, EPERM, EACCES, EMFILE, ENFILE, ENOMEM } = koffi().os.errno
  const errnoOf = (pid: number) => {
    const fd = createMultiLink(program, '/', pid, site)
    if (fd >= 0) closeDescriptor(fd)
    const errno = fd < 0 ? koffi().errno() : 0
    if ([EPERM, EACCES, EMFILE, ENFILE, ENOMEM].includes(errno)) throw new SystemError('look for links to many uprobes', errno)
    return errno
  }
  return errnoOf(0) === EBADF && errnoOf(-1) === EINVAL
}

/** A descriptor, or −1 and errno. */
function createMultiLink(program: Pointer, path: string, pid: number, sites: readonly ProbeSite[]): number {
  const column = (pick: (site: ProbeSite) => bigint) => BigUint64Array.from(sites, pick)
  const columns = [
    Buffer.from(`${path}\0`),
    column((site) => site.offset),
    column((site) => site.semaphoreOffset),
    column((site) => site.cookie),
  ].map(nativeCopy)
  // union bpf_attr, link_create.uprobe_multi (linux/bpf.h)
  const attributes = Buffer.alloc(64)
  attributes.writeUInt32LE(programFd(program), 0)
  attributes.writeUInt32LE(BPF_TRACE_UPROBE_MULTI, 8)
  columns.forEach((address, i) => {
    attributes.writeBigUInt64LE(address, 16 + 8 * i)
  })
  attributes.writeUInt32LE(sites.length, 48)
  attributes.writeInt32LE(pid, 56)
  const fd = bpfCall(BPF_LINK_CREATE, attributes)
  const errno = koffi().errno()
  for (const address of columns) koffi().free(address)
  koffi().errno(errno)
  return fd
}

function nativeCopy(bytes: Uint8Array | BigUint64Array): Pointer {
  const address = koffi().alloc('uint8_t', bytes.byteLength) as Pointer
  new Uint8Array(koffi().view(address, bytes.byteLength)).set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return address
}
