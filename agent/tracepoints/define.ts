import { type MetricBuilders, type MetricDefinition, metricBuilders, type ObservableDefinition } from '../metrics/definition.ts'

/** The parts of bitcoind that have tracepoints; `fibre` is what FIBRE adds. */
type Group = 'fibre' | 'validation' | 'net' | 'mempool' | 'utxocache'

/** Meaning of the bytes of an argument. */
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
/** A C string, cut after 127 bytes. */
export const text = field<string>('text')
/** A C string, cut after 255 bytes. */
export const longText = field<string>('longText')
/** A block hash passed as 64 hex digits in display order. */
export const hexHash = field<string>('hexHash')
/** A hash passed as 32 bytes, little-endian; decoded to 64 hex digits in display order. */
export const rawHash = field<string>('rawHash')
/** The first 8 little-endian bytes of a hash; decoded to the last 16 hex digits of its display form. */
export const hashPrefix = field<string>('hashPrefix')
/** An argument that older builds do not pass. */
export const optional = <T>(of: Field<T>): Field<T> => ({ ...of, optional: true })

export type Fields = Readonly<Record<string, Field>>

/** Fields that every event has, whatever its tracepoint. */
export interface EventBase {
  /** Name of the node that fired it. */
  readonly node: string
  /** Time of the hit: CLOCK_MONOTONIC, ns. */
  readonly stampNs: number
  /** Time of the hit: wall clock, seconds since 1970. */
  readonly unixSeconds: number
}

/** The decoded event of a recorded tracepoint. A field is `undefined` where it could not be read or this build does not pass it. */
export type EventOf<T> =
  T extends RecordedTracepoint<infer P, infer F>
    ? EventBase & { readonly probe: P } & { readonly [K in keyof F]: F[K] extends Field<infer V> ? V | undefined : never }
    : never

/** Hits of a tracepoint that the kernel counted: all of a node, or those with one text. */
export interface Hits<Sum extends string = string> {
  readonly count: number
  /** The text that they were counted by, cut after 31 bytes; empty where they are not counted by any. */
  readonly label: string
  /** Sums of their numbers, by the name of the argument. */
  readonly sums: Readonly<Record<Sum, number>>
}

/** The text that the kernel counts by, and the number that it adds up. */
export interface Counted<By extends string = string, Sum extends string = string> {
  readonly by?: By
  readonly sums?: readonly [Sum]
}

type Metrics = readonly MetricDefinition<never>[]

interface TracepointOf<P extends string, F extends Fields, M extends Metrics> {
  /** `provider:name`, as bitcoind's ELF notes have it. */
  readonly probe: P
  readonly group: Group
  /** Whether every FIBRE node has it: one that is missing is a fault. Any other is missing where a build lacks it. */
  readonly required: boolean
  /** Its name in the label `event_type`. */
  readonly eventType: string
  readonly description: string
  /** In the tracepoint's order. */
  readonly args: F
  readonly metrics: Metrics
  /** Only for types: the metrics with their names and labels. */
  readonly definitions?: M
}

/** A tracepoint each hit of which becomes an event. */
export interface RecordedTracepoint<P extends string = string, F extends Fields = Fields, M extends Metrics = Metrics>
  extends TracepointOf<P, F, M> {
  readonly counted?: undefined
  /** Whether its events tell of a block and are joined by its hash. */
  readonly isOfBlock: boolean
}

/** A tracepoint too hot to be recorded hit by hit: the kernel counts it. */
export interface CountedTracepoint<P extends string = string, F extends Fields = Fields, M extends Metrics = Metrics>
  extends TracepointOf<P, F, M> {
  readonly counted: Counted
  readonly isOfBlock: false
  readonly metrics: readonly ObservableDefinition<never>[]
}

/** A tracepoint, whichever it is. */
export type Tracepoint = RecordedTracepoint | CountedTracepoint

interface Declaration<P extends string, F extends Fields> {
  readonly probe: P
  readonly group: Group
  readonly required?: boolean
  readonly eventType?: string
  readonly description: string
  readonly args: F
}

interface Recorded<P extends string, F extends Fields, M extends Metrics> extends Declaration<P, F> {
  readonly counted?: undefined
  readonly metrics?: (build: MetricBuilders<EventOf<RecordedTracepoint<P, F>>>) => M
}

interface CountedInKernel<P extends string, F extends Fields, Sum extends string, M extends Metrics> extends Declaration<P, F> {
  readonly counted: Counted<NamesOf<F, string>, Sum>
  readonly metrics?: (build: Pick<MetricBuilders<Hits<Sum>>, 'counter'>) => M
}

/** The names of those arguments whose values are of a type. */
type NamesOf<F extends Fields, T> = { [Name in keyof F]: F[Name] extends Field<T> ? Name : never }[keyof F] & string

type BlockFields = Fields & ({ readonly blockHash: Field<string> } | { readonly hashPrefix: Field<string> })

/** Declares a tracepoint that tells of a block, whose hash it carries: everything that is known of it follows from this one place. */
export function defineBlockTracepoint<const P extends string, F extends BlockFields, const M extends Metrics = readonly []>(
  declaration: Recorded<P, F, M>,
): RecordedTracepoint<P, F, M> & { readonly isOfBlock: true } {
  return complete(declaration, true)
}

/** Declares any other tracepoint. The kernel counts its hits where `counted` says by what; else each becomes an event. */
export function defineTracepoint<
  const P extends string,
  F extends Fields,
  const Sum extends NamesOf<F, number> = never,
  const M extends readonly ObservableDefinition<never>[] = readonly [],
>(declaration: CountedInKernel<P, F, Sum, M>): CountedTracepoint<P, F, M>
export function defineTracepoint<const P extends string, F extends Fields, const M extends Metrics = readonly []>(
  declaration: Recorded<P, F, M>,
): RecordedTracepoint<P, F, M> & { readonly isOfBlock: false }
export function defineTracepoint(declaration: Declared): unknown {
  return complete(declaration, false)
}

type Declared = Declaration<string, Fields> & { readonly metrics?: (build: never) => Metrics }

function complete<D extends Declared, OfBlock extends boolean>(declaration: D, isOfBlock: OfBlock) {
  const { probe, required = false, eventType = eventTypeOf(probe), metrics } = declaration
  return { ...declaration, isOfBlock, required, eventType, metrics: metrics?.(metricBuilders() as never) ?? [] }
}

/** The tracepoints of FIBRE and of validation go by their names alone, as in the older exporter. */
function eventTypeOf(probe: string): string {
  const [provider = '', name = ''] = probe.split(':')
  return provider === 'udp' || provider === 'validation' ? name : `${provider}_${name}`
}

/** The name of an argument in recordings: `chunksUsed` is `chunks_used`. */
export function recordedName(argument: string): string {
  return argument.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
