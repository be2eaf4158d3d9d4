// The only file that knows koffi: libbpf and the few calls of libc that Node.js lacks.
import koffi from 'koffi'
import { queueClose } from './closing.ts'
import type { Pins } from './pins.ts'

/** An address in this process. */
export type Pointer = bigint

/** A call into the kernel or libbpf that failed. `errno` is positive. */
export class SystemError extends Error {
  readonly errno: number
  constructor(what: string, errno: number, detail?: string) {
    super(`${what}: ${strerror(errno)}${detail ? ` (${detail})` : ''}`)
    this.name = 'SystemError'
    this.errno = errno
  }
}

const libc = koffi.load('libc.so.6')
const strerror = libc.func('const char *strerror(int error)') as (error: number) => string
const vsnprintf = libc.func('int vsnprintf(_Out_ uint8_t *to, size_t size, void *format, void *args)')
const syscall = libc.func('int64_t syscall(int64_t number, int64_t a, void *b, int64_t c)')
const pidfdOpen = libc.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t'])
const fsopen = libc.func('syscall', 'int64_t', ['int64_t', 'str', 'int64_t'])
const fsconfig = libc.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'void *', 'void *', 'int64_t'])
const fsmount = libc.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'int64_t'])
const closeFd = libc.func('int close(int fd)')
const mmap = libc.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)')
const munmap = libc.func('int munmap(void *address, size_t length)')
const sysconf = libc.func('int64_t sysconf(int name)')
const clockGettime = libc.func('int clock_gettime(int clock, _Out_ uint8_t *time)')
const adjtimex = libc.func('int adjtimex(_Inout_ uint8_t *timex)')

const exit = libc.func('void _exit(int code)')

const CLOCK_REALTIME = 0
const SC_PAGESIZE = 30
const SYS_FSOPEN = 430
const SYS_FSCONFIG = 431
const SYS_FSMOUNT = 432
const SYS_PIDFD_OPEN = 434
const SYS_BPF = process.arch === 'arm64' ? 280 : 321
const BPF_LINK_CREATE = 28
const BPF_TRACE_UPROBE_MULTI = 48
const BPF_F_SLEEPABLE = 1 << 4

type Call = (...args: unknown[]) => number
type PointerCall = (...args: unknown[]) => Pointer | null

/** Ends the process without waiting for its threads. */
export function exitNow(code: number): void {
  exit(code)
}

/** libbpf's functions, bound when they are first needed: a machine without the library still gets `--help`. */
let bound: ReturnType<typeof bind> | undefined
const libbpf = () => {
  bound ??= bind()
  return bound
}

function bind() {
  const library = koffi.load('libbpf.so.1')
  const call = (declaration: string) => library.func(declaration) as unknown as Call & { async: (...args: unknown[]) => void }
  const pointer = (declaration: string) => library.func(declaration) as unknown as PointerCall
  const uprobeOptions = koffi.struct('bpf_uprobe_opts', {
    sz: 'size_t',
    ref_ctr_offset: 'size_t',
    bpf_cookie: 'uint64_t',
    retprobe: 'bool',
    func_name: 'const char *',
  })
  koffi.proto('int libbpf_print(int level, void *format, void *args)')
  return {
    uprobeOptionsSize: koffi.sizeof(uprobeOptions),
    setPrint: pointer('void *libbpf_set_print(libbpf_print *print)'),
    openMemory: pointer('void *bpf_object__open_mem(const uint8_t *image, size_t size, void *options)'),
    load: call('int bpf_object__load(void *object)'),
    close: call('void bpf_object__close(void *object)'),
    btf: pointer('void *bpf_object__btf(void *object)'),
    btfData: pointer('void *btf__raw_data(void *btf, _Out_ uint32_t *size)'),
    program: pointer('void *bpf_object__find_program_by_name(void *object, const char *name)'),
    programFd: call('int bpf_program__fd(void *program)'),
    setFlags: call('int bpf_program__set_flags(void *program, uint32_t flags)'),
    setAttachType: call('int bpf_program__set_expected_attach_type(void *program, int type)'),
    map: pointer('void *bpf_object__find_map_by_name(void *object, const char *name)'),
    mapFd: call('int bpf_map__fd(void *map)'),
    mapMaxEntries: call('uint32_t bpf_map__max_entries(void *map)'),
    setMaxEntries: call('int bpf_map__set_max_entries(void *map, uint32_t entries)'),
    initialValue: pointer('void *bpf_map__initial_value(void *map, _Out_ size_t *size)'),
    lookup: call('int bpf_map_lookup_elem(int fd, const uint8_t *key, _Out_ uint8_t *value)'),
    update: call('int bpf_map_update_elem(int fd, const uint8_t *key, const uint8_t *value, uint64_t flags)'),
    remove: call('int bpf_map_delete_elem(int fd, const uint8_t *key)'),
    nextKey: call('int bpf_map_get_next_key(int fd, const uint8_t *key, _Out_ uint8_t *next)'),
    attachUprobe: pointer(
      'void *bpf_program__attach_uprobe_opts(void *program, int pid, const char *path, size_t offset, const bpf_uprobe_opts *options)',
    ),
    pin: call('int bpf_obj_pin(int fd, const char *path)'),
    destroyLink: call('int bpf_link__destroy(void *link)'),
  }
}

/** Fails with what libbpf is missing if it cannot be loaded. */
export function requireLibbpf(): void {
  try {
    libbpf()
  } catch (cause) {
    const isMissing = /No such file/.test((cause as Error).message) // not so where descriptors or rights are missing
    const advice = isMissing ? ': install the package libbpf1, or libbpf on other distributions' : ''
    throw new Error(`libbpf.so.1 (libbpf 1.1 or newer) cannot be loaded${advice}`, { cause })
  }
}

/** Hands libbpf's warnings to `sink` until the returned function is called. */
export function captureWarnings(sink: (message: string) => void): () => void {
  const text = Buffer.alloc(2048)
  const print = koffi.register((level: number, format: Pointer, args: Pointer) => {
    if (level > 0) return 0
    // The va_list arrives as a pointer on x86-64 and arm64 and goes on unchanged.
    const length = vsnprintf(text, text.length, format, args)
    sink(text.toString('utf8', 0, Math.max(0, Math.min(length, text.length - 1))).trim())
    return 0
  }, 'libbpf_print *')
  libbpf().setPrint(print)
  return () => {
    libbpf().setPrint(null)
    koffi.unregister(print)
  }
}

function pointerOf(what: string, pointer: Pointer | null): Pointer {
  if (pointer !== null) return pointer
  throw new SystemError(what, koffi.errno())
}

/** libbpf returns −errno, the libc wrappers −1 and errno. */
function check(what: string, result: number): number {
  if (result >= 0) return result
  throw new SystemError(what, result === -1 ? koffi.errno() : -result)
}

export const pageSize = (): number => Number(sysconf(SC_PAGESIZE))

/** Opens a BPF object; it is not in the kernel yet. */
export const openObject = (image: Buffer): Pointer => pointerOf('open BPF object', libbpf().openMemory(image, image.length, null))
export const loadObject = (object: Pointer): void => void check('load BPF object', libbpf().load(object))
export const closeObject = (object: Pointer): void => void libbpf().close(object)

/** The object's BTF: what its structs look like. */
export function readBtf(object: Pointer): Buffer {
  const size = [0]
  const data = pointerOf('read BTF', libbpf().btfData(pointerOf('find BTF', libbpf().btf(object)), size))
  return Buffer.from(new Uint8Array(koffi.view(data, Number(size[0])))) // a copy: it outlives the object
}

export const findProgram = (object: Pointer, name: string): Pointer => pointerOf(`find program ${name}`, libbpf().program(object, name))
export const programFd = (program: Pointer): number => check('program fd', libbpf().programFd(program))
export const setSleepable = (program: Pointer): void => void check('set flags', libbpf().setFlags(program, BPF_F_SLEEPABLE))
export const setMultiUprobe = (program: Pointer): void =>
  void check('set attach type', libbpf().setAttachType(program, BPF_TRACE_UPROBE_MULTI))

export const findMap = (object: Pointer, name: string): Pointer => pointerOf(`find map ${name}`, libbpf().map(object, name))
export const mapFd = (map: Pointer): number => check('map fd', libbpf().mapFd(map))
export const mapMaxEntries = (map: Pointer): number => libbpf().mapMaxEntries(map)
export const setMapMaxEntries = (map: Pointer, entries: number): void => void check('set map size', libbpf().setMaxEntries(map, entries))

/** The memory of a map of global variables, to be set before loading. */
export function globalsOf(map: Pointer): ArrayBuffer {
  const size = [0]
  const value = pointerOf('find globals', libbpf().initialValue(map, size))
  return koffi.view(value, Number(size[0]))
}

/** Reads an element into `value`; false if there is none. */
export const lookupElement = (fd: number, key: Buffer, value: Buffer): boolean => libbpf().lookup(fd, key, value) === 0
export const updateElement = (fd: number, key: Buffer, value: Buffer): void => void check('update map', libbpf().update(fd, key, value, 0n))
export const removeElement = (fd: number, key: Buffer): void => void libbpf().remove(fd, key)
/** Reads the key after `key` (the first one after `null`) into `next`; false at the end. */
export const nextKey = (fd: number, key: Buffer | null, next: Buffer): boolean => libbpf().nextKey(fd, key, next) === 0

/** Where in a file a probe sits, and what the program finds its spec by. */
export interface ProbeSite {
  readonly offset: bigint
  readonly semaphoreOffset: bigint
  readonly cookie: bigint
}

/** Something attached, until it is closed: in the kernel that takes up to 0.1 s, and longer while a thread sleeps in the program. */
export interface Link {
  close(): Promise<void>
}

/** Attaches a program to all sites of one process with a single link (Linux 6.6), and pins it where there are pins. */
export function attachMulti(program: Pointer, path: string, pid: number, sites: readonly ProbeSite[], pins?: Pins): Link {
  const fd = createMultiLink(program, path, pid, sites)
  if (fd < 0) throw new SystemError('attach', koffi.errno())
  const pin = pins?.hold(fd)
  const close = () => queueClose((done) => closeFd.async(fd, done))
  return {
    close() {
      if (pin === undefined) return close()
      if (!pins?.isAsleep()) {
        pin.remove()
        return close()
      }
      closeFd(fd) // not the last that holds it
      pin.remove()
      return Promise.resolve()
    },
  }
}

/** Keeps an object in the kernel for as long as there is a file of that name in a bpf file system. */
export const pinObject = (fd: number, path: string): boolean => libbpf().pin(fd, path) === 0

/** A bpf file system of this process alone, which is mounted nowhere. `undefined` where the kernel refuses that: it takes CAP_SYS_ADMIN. */
export function mountBpffs(): { readonly fd: number; close(): void } | undefined {
  const FSCONFIG_CMD_CREATE = 6
  const CLOEXEC = 1
  const context = Number(fsopen(SYS_FSOPEN, 'bpf', CLOEXEC))
  if (context < 0) return undefined
  const isCreated = Number(fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0)) === 0
  const fd = isCreated ? Number(fsmount(SYS_FSMOUNT, context, CLOEXEC, 0)) : -1
  closeFd(context)
  return fd < 0 ? undefined : { fd, close: () => void closeFd(fd) }
}

/**
 * Whether this kernel has links to many uprobes that filter by process. The first of them filtered by thread, and lost what
 * other threads hit; they accept a negative pid. libbpf finds out in the same way. Throws where it cannot be told.
 */
export function hasMultiUprobes(program: Pointer): boolean {
  const site = [{ offset: 1n, semaphoreOffset: 0n, cookie: 0n }]
  const { EBADF, EINVAL, EPERM, EACCES, EMFILE, ENFILE, ENOMEM } = koffi.os.errno
  const errnoOf = (pid: number) => {
    const fd = createMultiLink(program, '/', pid, site)
    if (fd >= 0) closeFd(fd)
    const errno = fd < 0 ? koffi.errno() : 0
    if ([EPERM, EACCES, EMFILE, ENFILE, ENOMEM].includes(errno)) throw new SystemError('look for links to many uprobes', errno)
    return errno
  }
  return errnoOf(0) === EBADF && errnoOf(-1) === EINVAL
}

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
  const fd = Number(syscall(SYS_BPF, BPF_LINK_CREATE, attributes, attributes.length))
  const errno = koffi.errno()
  for (const address of columns) koffi.free(address)
  koffi.errno(errno)
  return fd
}

function nativeCopy(bytes: Uint8Array | BigUint64Array): Pointer {
  const address = koffi.alloc('uint8_t', bytes.byteLength) as Pointer
  new Uint8Array(koffi.view(address, bytes.byteLength)).set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return address
}

/** Attaches a program to one site of one process through a perf event (Linux 5.15). */
export function attachPerf(program: Pointer, path: string, pid: number, site: ProbeSite): Link {
  const options = {
    sz: libbpf().uprobeOptionsSize,
    ref_ctr_offset: Number(site.semaphoreOffset),
    bpf_cookie: site.cookie,
    retprobe: false,
    func_name: null,
  }
  const link = pointerOf('attach', libbpf().attachUprobe(program, pid, path, Number(site.offset), options))
  return { close: () => queueClose((done) => libbpf().destroyLink.async(link, done)) }
}

/** Memory that is shared with the kernel through a file descriptor. */
export interface Mapping {
  readonly memory: ArrayBuffer
  unmap(): void
}

export function mapMemory(fd: number, offset: number, length: number, writable: boolean): Mapping {
  const PROT_READ = 1
  const PROT_WRITE = 2
  const MAP_SHARED = 1
  const address = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset) as Pointer
  if (address === 0xffffffffffffffffn || address === -1n) throw new SystemError('mmap', koffi.errno())
  return { memory: koffi.view(address, length), unmap: () => munmap(address, length) }
}

/** A watch on a file descriptor. It keeps the process alive until it is closed. */
export interface Watch {
  close(): void
}

const watches = new Set<Watch>()

/**
 * Calls back when a file descriptor is readable, on Node's own event loop. koffi stops a watch that nobody holds and hangs
 * the process if the callback throws, so all are held here and `readable` must not throw.
 */
export function watchReadable(fd: number, readable: () => void): Watch {
  const handle = koffi.node.poll(fd, { readable: true }, readable)
  const watch = {
    close() {
      if (!watches.delete(watch)) return
      handle.close()
    },
  }
  watches.add(watch)
  return watch
}

/** Calls back once when a process has ended. Throws ESRCH if there is none of that number. */
export function watchExit(pid: number, ended: () => void): Watch {
  const fd = check(`watch pid ${pid}`, Number(pidfdOpen(SYS_PIDFD_OPEN, pid, 0)))
  const watch = watchReadable(fd, () => {
    close()
    ended()
  })
  const close = () => {
    watch.close()
    if (!closed) closeFd(fd)
    closed = true
  }
  let closed = false
  return { close }
}

const timespec = Buffer.alloc(16)

/** CLOCK_REALTIME: ns since 1970. Date.now() is cut to ms. */
export function wallClockNs(): bigint {
  check('clock_gettime', clockGettime(CLOCK_REALTIME, timespec))
  return timespec.readBigInt64LE(0) * 1_000_000_000n + timespec.readBigInt64LE(8)
}

/** The most that the machine's clock can be wrong by, in seconds, as the kernel knows it (adjtimex). */
export function clockErrorSeconds(): number {
  const timex = Buffer.alloc(208) // struct timex: modes, then offset, freq, maxerror (µs)
  check('adjtimex', adjtimex(timex))
  return Number(timex.readBigInt64LE(24)) / 1e6
}
