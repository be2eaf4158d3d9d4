import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Arch } from './machines.ts'

interface Emulator {
  readonly program: string
  readonly package: string
  readonly args: readonly string[]
  /** The emulated CPU. */
  readonly cpu: string
  readonly console: string
}

export const emulators: Readonly<Record<Arch, Emulator>> = {
  x64: {
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    args: ['-machine', 'q35'],
    cpu: 'max,la57=off',
    console: 'ttyS0',
  },
  arm64: {
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    args: ['-machine', 'virt'],
    // Signing pointers as the architecture says makes up half of the time.
    cpu: 'max,pauth-impdef=on',
    console: 'ttyAMA0',
  },
}

export interface Boot {
  readonly arch: Arch
  readonly kernel: string
  readonly initramfs: string
  readonly append: string
  /** 2048 by default. */
  readonly memoryMb?: number
  readonly timeoutMs: number
}

/** Console output of a machine, and the way it was run. */
export interface Booted {
  readonly lines: readonly string[]
  readonly accelerator: string
}

/** Whether KVM did not start a machine, or let it stand still: it would do so with the next one. */
let hasKvmFailed = false

/** Boots a machine with two processors and waits until it switches itself off. Where KVM does not start it, or it stands still, it is emulated. */
export async function boot(options: Boot): Promise<Booted> {
  if (options.arch === process.arch && canOpenKvm() && !hasKvmFailed) {
    const { lines, ended } = await start(options, 'kvm')
    if (!ended) return { lines, accelerator: 'KVM' }
    hasKvmFailed = true
  }
  const { lines, ended } = await start(options, EMULATION)
  return { lines: ended ? [...lines, ended] : lines, accelerator: 'emulation' }
}

/** In a machine that is itself a virtual one, KVM has been seen to halt a guest for good. */
const MOST_SILENT_MS = 180_000

/** One thread translates for all processors: QEMU 7.2's several threads make kernels crash at their start. */
const EMULATION = 'tcg,thread=single'

async function start({ arch, kernel, initramfs, append, memoryMb = 2048, timeoutMs }: Boot, accelerator: string) {
  const { program, args, cpu, console } = emulators[arch]
  const hardware = [...args, '-cpu', accelerator === 'kvm' ? 'host' : cpu, '-accel', accelerator, '-smp', '2', '-m', `${memoryMb}`]
  const devices = ['-display', 'none', '-monitor', 'none', '-nic', 'none', '-serial', 'stdio', '-no-reboot']
  const commandLine = `console=${console} quiet panic=-1 random.trust_cpu=on ${append}`
  const child = spawn(program, [...hardware, ...devices, '-kernel', kernel, '-initrd', initramfs, '-append', commandLine], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  const lines: string[] = []
  const silence = accelerator === 'kvm' ? setTimeout(end, MOST_SILENT_MS) : undefined
  const hear = (line: string) => {
    lines.push(line.trimEnd())
    silence?.refresh()
  }
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', hear)
  const [code, signal] = await once(child, 'close')
  clearTimeout(silence)
  process.off('exit', end)
  return { lines, ended: code === 0 ? undefined : `QEMU ended with ${signal ?? code}` }
}

export const hasEmulator = (arch: Arch): boolean => spawnSync(emulators[arch].program, ['--version']).status === 0

function canOpenKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}
