import { readFileSync } from 'node:fs'
import { ifReadable } from '../../../bitcoind/proc/read.ts'

/** A uprobe that was defined in tracefs, as perf-probe(1) and scripts do it. */
export interface TraceEvent {
  readonly event: string
  readonly path: string
  readonly offset: bigint
}

const places = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']

/** Reads the uprobes of tracefs that are switched on. Empty where it is not mounted, or may not be read: it takes root. */
export function readTraceEvents(): readonly TraceEvent[] {
  for (const place of places) {
    const text = ifReadable(() => readFileSync(`${place}/uprobe_events`, 'utf8'))
    if (text === undefined) continue
    const isOn = (event: string) => ifReadable(() => readFileSync(`${place}/events/${event}/enable`, 'utf8'))?.startsWith('1') ?? false
    return parseTraceEvents(text).filter(({ event }) => isOn(event))
  }
  return []
}

/** Lines such as `p:probes/connected /usr/bin/bitcoind:0x0000000000a1b2c3(0x…) arg1=%di`; the second number is the semaphore. */
export function parseTraceEvents(text: string): readonly TraceEvent[] {
  return text.split('\n').flatMap((line) => {
    const [, event, path, offset] = /^[pr]:(\S+) (\/.*?):(0x[\da-f]+)(?:[(%\s].*)?$/.exec(line) ?? []
    return event && path && offset ? [{ event, path, offset: BigInt(offset) }] : []
  })
}
