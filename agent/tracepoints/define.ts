import { type MetricBuilders, type MetricDefinition, metricBuilders } from '../metrics/definition.ts'

/** How the bytes of an argument are to be understood. */
export type Kind = 'integer' | 'text' | 'longText' | 'hexHash' | 'rawHash' | 'hashPrefix'

/** One argument of a tracepoint. `T` is the type of its value in the decoded event. */
export interface Field<T = unknown> {
  readonly kind: Kind
  readonly meaning: string
  /** True for an argument that only newer builds of bitcoind pass. */
  readonly optional: boolean
  /** Only for types: the decoded value. */
  readonly value?: T
}

const field = <T>(kind: Kind) => {
  return (meaning: string): Field<T> => ({ kind, meaning, optional: false })
}

/** An integer of any size and sign. */
export const integer = field<number>('integer')
/** A C string; what lies beyond 127 bytes is cut. */
export const text = field<string>('text')
/** A C string of up to 255 bytes; it takes the room of two texts. */
export const longText = field<string>('longText')
/** A block hash passed as 64 hex digits in display order. */
export const hexHash = field<string>('hexHash')
/** A block hash passed as 32 bytes, little-endian; decoded to 64 hex digits in display order. */
export const rawHash = field<string>('rawHash')
/** The first 8 little-endian bytes of a hash; decoded to the last 16 hex digits of its display form. */
export const hashPrefix = field<string>('hashPrefix')
/** An argument that older builds do not pass. */
export const optional = <T>(of: Field<T>): Field<T> => ({ ...of, optional: true })

export type Fields = Readonly<Record<string, Field>>

/** What every event has, whatever its tracepoint. */
export interface EventBase {
  /** Name of the node that said it. */
  readonly node: string
  /** When the tracepoint was hit: CLOCK_MONOTONIC, ns. */
  readonly stampNs: number
  /** When the tracepoint was hit: wall clock, seconds since 1970. */
  readonly unixSeconds: number
}

/** The decoded event of a tracepoint. A field is `undefined` where it could not be read or this build does not pass it. */
export type EventOf<T> =
  T extends TracepointOf<infer P, infer F>
    ? EventBase & { readonly probe: P } & { readonly [K in keyof F]: F[K] extends Field<infer V> ? V | undefined : never }
    : never

type Metrics = readonly MetricDefinition<never>[]

export interface TracepointOf<P extends string, F extends Fields, M extends Metrics = Metrics> {
  /** `provider:name`, as bitcoind's ELF notes have it. */
  readonly probe: P
  /** Its name in the label `event_type`. */
  readonly eventType: string
  readonly description: string
  /** In the tracepoint's order. */
  readonly args: F
  /** Set for a tracepoint too hot to be recorded hit by hit: the kernel counts it. */
  readonly counted?: Counted<string> | undefined
  readonly metrics: Metrics
  /** Only for types: the metrics with their names and labels. */
  readonly definitions?: M
}

/** By which text argument the kernel counts, and which number it adds up. */
export interface Counted<Name extends string> {
  readonly by?: Name
  readonly sum?: Name
}

/** A tracepoint, whichever it is. */
export type Tracepoint = TracepointOf<string, Fields>

interface Declaration<P extends string, F extends Fields, M extends Metrics> {
  readonly probe: P
  readonly eventType?: string
  readonly description: string
  readonly args: F
  readonly counted?: Counted<keyof F & string>
  readonly metrics?: (build: MetricBuilders<EventOf<TracepointOf<P, F>>>) => M
}

/** Declares a tracepoint: everything that is known of it follows from this one place. */
export function defineTracepoint<const P extends string, F extends Fields, const M extends Metrics = readonly []>(
  declaration: Declaration<P, F, M>,
): TracepointOf<P, F, M> {
  const { probe, eventType = probe.slice(probe.indexOf(':') + 1), metrics, ...rest } = declaration
  return { ...rest, probe, eventType, metrics: metrics?.(metricBuilders()) ?? [] }
}
