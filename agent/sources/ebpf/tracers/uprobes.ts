import { identityOf } from '../../../bitcoind/proc/proc.ts'
import { programOf } from '../../../bitcoind/proc/program-name.ts'
import { ifReadable } from '../../../bitcoind/proc/read.ts'
import { listUprobeLinks, uprobeOfPerfEvent } from '../../../native/uprobe-listing.ts'
import { bpfDescriptors, type Descriptor, linkIdOf } from './descriptors.ts'
import { readTraceEvents } from './trace-events.ts'

/** A place in a file where somebody listens. */
export interface Uprobe {
  /** Who listens, in words: a program with its pid where that is known. */
  readonly listener: string
  readonly path: string
  /** Device and inode of the file, where there is one of that path. */
  readonly identity: string | undefined
  readonly offset: bigint
  /** The process that it is for alone. */
  readonly target?: number | undefined
}

/** Lists who listens to places of programs: BPF programs through links and perf events, and events of tracefs. What may not be seen is left out. */
export function readUprobes(): readonly Uprobe[] {
  const descriptors = bpfDescriptors()
  return [...uprobesOfLinks(descriptors), ...uprobesOfPerfEvents(descriptors), ...uprobesOfTraceEvents()]
}

function uprobesOfLinks(descriptors: readonly Descriptor[]): readonly Uprobe[] {
  const links = ifReadable(listUprobeLinks) ?? []
  if (links.length === 0) return []
  const held = descriptors.filter(({ kind }) => kind === 'link').map(({ pid, fd }) => [linkIdOf(pid, fd), pid] as const)
  const holders = new Map(held)
  return links.flatMap(({ id, path, offsets, pid: target }) => {
    const holder = holders.get(id)
    const listener = holder === undefined ? `the holder of BPF link ${id}` : programOf(holder)
    const identity = ifReadable(() => identityOf(path))
    return offsets.map((offset) => ({ listener, path, identity, offset, target }))
  })
}

function uprobesOfPerfEvents(descriptors: readonly Descriptor[]): readonly Uprobe[] {
  return descriptors.flatMap(({ kind, pid, fd }) => {
    const place = kind === 'perf' ? ifReadable(() => uprobeOfPerfEvent(pid, fd)) : undefined
    if (place === undefined) return []
    // The path as the program gave it: in its own mount namespace.
    const identity = ifReadable(() => identityOf(`/proc/${pid}/root${place.path}`)) ?? ifReadable(() => identityOf(place.path))
    return [{ listener: programOf(pid), identity, ...place }]
  })
}

function uprobesOfTraceEvents(): readonly Uprobe[] {
  return readTraceEvents().map(({ event, path, offset }) => ({
    listener: `the event ${event} of tracefs`,
    path,
    identity: ifReadable(() => identityOf(path)),
    offset,
  }))
}
