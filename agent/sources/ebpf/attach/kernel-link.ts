import type { Pointer } from '../../../native/koffi.ts'
import { destroyLinkOnThread } from '../../../native/libbpf.ts'
import { closeDescriptor, closeDescriptorOnThread } from '../../../native/libc.ts'
import { openMultiLink, openPerfLink, type ProbeSite } from '../../../native/uprobe-links.ts'
import type { Pins } from '../program/pins.ts'
import { queueClose } from './close-queue.ts'

/** Something attached, until it is closed: in the kernel that takes up to 0.1 s, and longer while a thread sleeps in the program. */
export interface KernelLink {
  close(): Promise<void>
}

/** Attaches a program to all sites of one process with a single link, and pins it where there are pins. */
export function attachMulti(program: Pointer, path: string, pid: number, sites: readonly ProbeSite[], pins?: Pins): KernelLink {
  const fd = openMultiLink(program, path, pid, sites)
  const pin = pins?.hold(fd)
  const close = () => queueClose((done) => closeDescriptorOnThread(fd, done))
  return {
    close() {
      if (pin === undefined) return close()
      if (!pins?.isAsleep()) {
        pin.remove()
        return close()
      }
      closeDescriptor(fd) // not the last that holds it
      pin.remove()
      return Promise.resolve()
    },
  }
}

/** Attaches a program to one site of one process. */
export function attachPerf(program: Pointer, path: string, pid: number, site: ProbeSite): KernelLink {
  const link = openPerfLink(program, path, pid, site)
  return { close: () => queueClose((done) => destroyLinkOnThread(link, done)) }
}
