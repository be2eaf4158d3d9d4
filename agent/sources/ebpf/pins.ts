import { unlinkSync } from 'node:fs'
import { hasSeccompFilter } from './kernel-facts.ts'
import { type Link, mountBpffs, pinObject } from './libbpf.ts'

/**
 * Links that are held by name. Who closes the last descriptor of a link waits until no thread sleeps in a tracepoint any more, and
 * cannot even be killed meanwhile. A link that only a name holds is taken down by a worker of the kernel, however the agent ends.
 */
export class Pins {
  readonly #mount: NonNullable<ReturnType<typeof mountBpffs>>
  #count = 0

  constructor(mount: NonNullable<ReturnType<typeof mountBpffs>>) {
    this.#mount = mount
  }

  /** The link of a descriptor, which may then be closed; `undefined` if the kernel refuses to pin it. */
  hold(fd: number): Link | undefined {
    const path = `/proc/self/fd/${this.#mount.fd}/link_${this.#count++}`
    if (!pinObject(fd, path)) return undefined
    return {
      async close() {
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

/** `undefined` where links have to be held by descriptors: without CAP_SYS_ADMIN, and under a seccomp filter, which may end the process. */
export function openPins(): Pins | undefined {
  if (hasSeccompFilter()) return undefined
  const mount = mountBpffs()
  return mount && new Pins(mount)
}
