import { koffi, lazy, type Pointer } from './koffi.ts'
import { bpfCall, check, checkPointer, formatText } from './libc.ts'

const BPF_ENABLE_STATS = 32
const BPF_F_SLEEPABLE = 1 << 4
const BPF_TRACE_UPROBE_MULTI = 48

type Call = (...args: unknown[]) => number
type PointerCall = (...args: unknown[]) => Pointer | null

const library = lazy(load)

/** A function of libbpf that returns a number: negative, −errno, where it fails. */
export const libbpfFunction = (declaration: string) =>
  library().func(declaration) as unknown as Call & { async: (...args: unknown[]) => void }

const libbpf = lazy(() => {
  const call = libbpfFunction
  const pointer = (declaration: string) => library().func(declaration) as unknown as PointerCall
  const uprobeOptions = koffi().struct('bpf_uprobe_opts', {
    sz: 'size_t',
    ref_ctr_offset: 'size_t',
    bpf_cookie: 'uint64_t',
    retprobe: 'bool',
    func_name: 'const char *',
  })
  koffi().proto('int libbpf_print(int level, void *format, void *args)')
  return {
    uprobeOptionsSize: koffi().sizeof(uprobeOptions),
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
    attachUprobe: pointer(
      'void *bpf_program__attach_uprobe_opts(void *program, int pid, const char *path, size_t offset, const bpf_uprobe_opts *options)',
    ),
    pin: call('int bpf_obj_pin(int fd, const char *path)'),
    information: call('int bpf_obj_get_info_by_fd(int fd, _Inout_ uint8_t *information, _Inout_ uint32_t *size)'),
    destroyLink: call('int bpf_link__destroy(void *link)'),
  }
})

function load() {
  const { load } = koffi()
  try {
    return load('libbpf.so.1')
  } catch (cause) {
    const isMissing = /No such file/.test((cause as Error).message) // not so where descriptors or rights are missing
    throw new Error(`libbpf.so.1 (libbpf 1.1 or newer) cannot be loaded${isMissing ? `: ${advice}` : ''}`, { cause })
  }
}

const advice = 'install the package libbpf1 (Debian, Ubuntu, openSUSE) or libbpf (Fedora, RHEL, Arch Linux, Alpine)'

/** Hands libbpf's warnings to `sink` until the returned function is called. */
export function captureWarnings(sink: (message: string) => void): () => void {
  const { setPrint } = libbpf()
  const print = koffi().register((level: number, format: Pointer, args: Pointer) => {
    if (level === 0) sink(formatText(format, args).trim())
    return 0
  }, 'libbpf_print *')
  setPrint(print)
  return () => {
    setPrint(null)
    koffi().unregister(print)
  }
}

/** Opens a BPF object; it is not in the kernel yet. */
export const openObject = (image: Buffer): Pointer => checkPointer('open BPF object', libbpf().openMemory(image, image.length, null))
export const loadObject = (object: Pointer): void => void check('load BPF object', libbpf().load(object))
export const closeObject = (object: Pointer): void => void libbpf().close(object)

/** The object's BTF: what its structs look like. */
export function readBtf(object: Pointer): Buffer {
  const size = [0]
  const data = checkPointer('read BTF', libbpf().btfData(checkPointer('find BTF', libbpf().btf(object)), size))
  return Buffer.from(new Uint8Array(koffi().view(data, Number(size[0])))) // a copy: it outlives the object
}

export const findProgram = (object: Pointer, name: string): Pointer => checkPointer(`find program ${name}`, libbpf().program(object, name))
export const programFd = (program: Pointer): number => check('program fd', libbpf().programFd(program))
export const setSleepable = (program: Pointer): void => void check('set flags', libbpf().setFlags(program, BPF_F_SLEEPABLE))
export const setMultiUprobe = (program: Pointer): void =>
  void check('set attach type', libbpf().setAttachType(program, BPF_TRACE_UPROBE_MULTI))

export const findMap = (object: Pointer, name: string): Pointer => checkPointer(`find map ${name}`, libbpf().map(object, name))
export const mapFd = (map: Pointer): number => check('map fd', libbpf().mapFd(map))
export const mapMaxEntries = (map: Pointer): number => libbpf().mapMaxEntries(map)
export const setMapMaxEntries = (map: Pointer, entries: number): void => void check('set map size', libbpf().setMaxEntries(map, entries))

/** The memory of a map of global variables, to be set before loading. */
export function globalsOf(map: Pointer): ArrayBuffer {
  const size = [0]
  const value = checkPointer('find globals', libbpf().initialValue(map, size))
  return koffi().view(value, Number(size[0]))
}

/** Reads an element into `value`; false if there is none. */
export const lookupElement = (fd: number, key: Buffer, value: Buffer): boolean => libbpf().lookup(fd, key, value) === 0
export const updateElement = (fd: number, key: Buffer, value: Buffer): void => void check('update map', libbpf().update(fd, key, value, 0n))

/** Keeps an object in the kernel for as long as there is a file of that name in a bpf file system. */
export const pinObject = (fd: number, path: string): boolean => libbpf().pin(fd, path) === 0

/** Counts of a program since it was loaded. */
export interface ProgramCounts {
  /** Only while the kernel is asked to count: see `enableRunStatistics`. */
  readonly runs: number
  readonly runNs: number
  /** Times that the kernel did not run it, because it ran on that processor already. */
  readonly missed: number
}

export function readProgramCounts(program: Pointer): ProgramCounts {
  const information = Buffer.alloc(216) // struct bpf_prog_info (linux/bpf.h), up to recursion_misses, which Linux 5.12 has
  check('read program counts', libbpf().information(programFd(program), information, [information.length]))
  const [runNs = 0, runs = 0, missed = 0] = [192, 200, 208].map((offset) => Number(information.readBigUInt64LE(offset)))
  return { runs, runNs, missed }
}

/** Has the kernel count the runs of all BPF programs until the returned descriptor is closed (Linux 5.8). Takes CAP_SYS_ADMIN. */
export const enableRunStatistics = (): number => check('count runs of BPF programs', bpfCall(BPF_ENABLE_STATS, Buffer.alloc(4)))

/** Attaches a program to one place of a file, for one process; returns a link. */
export function attachUprobe(
  program: Pointer,
  pid: number,
  path: string,
  offset: number,
  semaphoreOffset: number,
  cookie: bigint,
): Pointer {
  const options = {
    sz: libbpf().uprobeOptionsSize,
    ref_ctr_offset: semaphoreOffset,
    bpf_cookie: cookie,
    retprobe: false,
    func_name: null,
  }
  return checkPointer('attach', libbpf().attachUprobe(program, pid, path, offset, options))
}

/** Detaches on a thread: that may take its time. */
export const destroyLinkOnThread = (link: Pointer, done: () => void): void => libbpf().destroyLink.async(link, done)
