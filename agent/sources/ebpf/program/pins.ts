import { unlinkSync } from 'node:fs'
import { pinObject } from '../../../native/libbpf.ts'
import { mountBpffs } from '../../../native/libc.ts'
import { hasSeccompFilter } from './kernel-facts.ts'

type Mount = NonNullable<ReturnType<typeof mountBpffs>>

/**
 * Links that are held by name as well. Who closes a link that nothing else holds waits until no thread sleeps in a tracepoint, and
 * cannot even be killed meanwhile. A link that a name held last is taken down by a worker of the kernel, a moment later, however
 * the agent ends.
 */
export class Pins {
  readonly #mount: Mount
  readonly #isAsleep: () => boolean
  #count = 0

  constructor(mount: Mount, isAsleep: () => boolean) {
    this.#mount = mount
    this.#isAsleep = isAsleep
  }

  /** Whether a thread may be sleeping in a tracepoint just now. */
  isAsleep(): boolean {
    return this.#isAsleep()
  }

  /** Holds the link of a descriptor until the name is removed; `undefined` if the kernel refuses. */
  hold(fd: number): { remove(): void } | undefined {
    const path = `/proc/self/fd/${this.#mount.fd}/link_${this.#count++}`
    if (!pinObject(fd, path)) return undefined
    return {
      remove() {
        try {
          unlinkSync(path)
        } catch {
          // It then ends with the agent.
        }
      },
    }
  }

  close(): void {
    this.#mount.close()
  }
}

/** `undefined` where links have to be held by descriptors alone: without CAP_SYS_ADMIN, and under a seccomp filter, which may end the process. */
export function openPins(isAsleep: () => boolean): Pins | undefined {
  if (hasSeccompFilter()) return undefined
  const mount = mountBpffs()
  return mount && new Pins(mount, isAsleep)
}
