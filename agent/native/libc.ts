import { koffi, lazy, type Pointer } from './koffi.ts'

const libc = lazy(() => {
  const library = koffi().load(null) // Node.js itself brings it, whether glibc or musl
  return {
    strerror: library.func('const char *strerror(int error)') as (error: number) => string,
    vsnprintf: library.func('int vsnprintf(_Out_ uint8_t *to, size_t size, void *format, void *args)'),
    syscall: library.func('int64_t syscall(int64_t number, int64_t a, void *b, int64_t c)'),
    pidfdOpen: library.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t']),
    fsopen: library.func('syscall', 'int64_t', ['int64_t', 'str', 'int64_t']),
    fsconfig: library.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'void *', 'void *', 'int64_t']),
    fsmount: library.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'int64_t']),
    close: library.func('int close(int fd)'),
    mmap: library.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)'),
    munmap: library.func('int munmap(void *address, size_t length)'),
    sysconf: library.func('int64_t sysconf(int name)'),
    clockGettime: library.func('int clock_gettime(int clock, _Out_ uint8_t *time)'),
    adjtimex: library.func('int adjtimex(_Inout_ uint8_t *timex)'),
    exit: library.func('void _exit(int code)'),
  }
})

/** Only glibc has it. */
const mallocTrim = lazy(() => {
  try {
    return koffi().load(null).func('int malloc_trim(size_t pad)') as (pad: number) => number
  } catch {
    return () => 0
  }
})

const CLOCK_REALTIME = 0
const SC_PAGESIZE = 30
const SYS_FSOPEN = 430
const SYS_FSCONFIG = 431
const SYS_FSMOUNT = 432
const SYS_PIDFD_OPEN = 434
const SYS_BPF = process.arch === 'arm64' ? 280 : 321

/** A call into the kernel or a library that failed. `errno` is positive. */
export class SystemError extends Error {
  readonly errno: number
  constructor(what: string, errno: number) {
    super(`${what}: ${libc().strerror(errno)}`)
    this.name = 'SystemError'
    this.errno = errno
  }
}

/** Returns the result of a call. libbpf returns −errno where it fails, functions of libc −1 and errno. */
export function check(what: string, result: number): number {
  if (result >= 0) return result
  throw new SystemError(what, result === -1 ? koffi().errno() : -result)
}

/** Returns the pointer that a call gave. */
export function checkPointer(what: string, pointer: Pointer | null): Pointer {
  if (pointer !== null) return pointer
  throw new SystemError(what, koffi().errno())
}

/** Ends the process without waiting for its threads. Where koffi is missing it cannot be had, and a signal ends the process. */
export function exitNow(code: number): void {
  try {
    libc().exit(code)
  } catch {
    process.kill(process.pid, 'SIGKILL')
  }
}

/** Gives the pages of freed memory back to the kernel, where the C library can. */
export const trimHeap = (): void => void mallocTrim()(0)

export const pageSize = (): number => Number(libc().sysconf(SC_PAGESIZE))

export const closeDescriptor = (fd: number): void => void libc().close(fd)
/** Closes on a thread what the kernel may take its time for. */
export const closeDescriptorOnThread = (fd: number, done: () => void): void => libc().close.async(fd, done)

/** The text of a format and its `va_list`, which goes on as it came: as a pointer, on x86-64 and arm64. */
export function formatText(format: Pointer, args: Pointer): string {
  const text = Buffer.alloc(2048)
  const length = libc().vsnprintf(text, text.length, format, args)
  return text.toString('utf8', 0, Math.max(0, Math.min(length, text.length - 1)))
}

/** Calls bpf(2). Returns a descriptor or −1; errno is koffi's. */
export const bpfCall = (command: number, attributes: Buffer): number =>
  Number(libc().syscall(SYS_BPF, command, attributes, attributes.length))

/** A descriptor that becomes readable when the process ends. Throws ESRCH if there is none of that number. */
export const openPidfd = (pid: number): number => check(`watch pid ${pid}`, Number(libc().pidfdOpen(SYS_PIDFD_OPEN, pid, 0)))

/** A bpf file system of this process alone, which is mounted nowhere. `undefined` where the kernel refuses that: it takes CAP_SYS_ADMIN. */
export function mountBpffs(): { readonly fd: number; close(): void } | undefined {
  const FSCONFIG_CMD_CREATE = 6
  const CLOEXEC = 1
  const { fsopen, fsconfig, fsmount } = libc()
  const context = Number(fsopen(SYS_FSOPEN, 'bpf', CLOEXEC))
  if (context < 0) return undefined
  const isCreated = Number(fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0)) === 0
  const fd = isCreated ? Number(fsmount(SYS_FSMOUNT, context, CLOEXEC, 0)) : -1
  closeDescriptor(context)
  return fd < 0 ? undefined : { fd, close: () => closeDescriptor(fd) }
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
  const { mmap, munmap } = libc()
  const address = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset) as Pointer
  if (address === 0xffffffffffffffffn || address === -1n) throw new SystemError('mmap', koffi().errno())
  return { memory: koffi().view(address, length), unmap: () => munmap(address, length) }
}

const timespec = Buffer.alloc(16)

/** CLOCK_REALTIME: ns since 1970. Date.now() is cut to ms. */
export function wallClockNs(): bigint {
  check('clock_gettime', libc().clockGettime(CLOCK_REALTIME, timespec))
  return timespec.readBigInt64LE(0) * 1_000_000_000n + timespec.readBigInt64LE(8)
}

/** The machine's clock, as the kernel knows it. */
export interface ClockState {
  /** Whether a time service keeps it. */
  readonly isSynchronized: boolean
  /** The most that it can be wrong by. */
  readonly errorSeconds: number
}

/** Asks the kernel about the machine's clock (adjtimex(2)). */
export function readClock(): ClockState {
  const STA_UNSYNC = 0x40
  const timex = Buffer.alloc(208) // struct timex: modes, offset, freq, maxerror (µs), esterror, status
  check('adjtimex', libc().adjtimex(timex))
  return { isSynchronized: (timex.readInt32LE(40) & STA_UNSYNC) === 0, errorSeconds: Number(timex.readBigInt64LE(24)) / 1e6 }
}
