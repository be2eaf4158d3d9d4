import { type MetricBuilders, type MetricDefinition, metricBuilders } from '../metrics/definition.ts'

/** The parts of bitcoind that have tracepoints; `fibre` is what FIBRE adds. */
export const allGroups = ['fibre', 'validation', 'net', 'mempool', 'utxocache'] as const
export type Group = (typeof allGroups)[number]

/** Meaning of the bytes of an argument. */
export type Kind = 'integer' | 'text' | 'shortText' | 'longText' | 'hexHash' | 'rawHash' | 'hashPrefix' | 'bytes'

/** One argument of a tracepoint. `T` is the type of its value in the decoded event. */
export interface Field<T = unknown> {
  readonly kind: Kind
  readonly meaning: string
  /** True for an argument that only newer builds of bitcoind pass. */
  readonly optional: boolean
  /** Most bytes of a payload that are kept; 0 for any other kind. */
  readonly most: number
  /** What the numbers of Bitcoin Core 23 and 24 have to be multiplied by; 1 where they have the same unit. */
  readonly factorBefore25: number
  /** Only for types: the decoded value. */
  readonly value?: T
}

const field = <T>(kind: Kind) => {
  return (meaning: string): Field<T> => ({ kind, meaning, optional: false, most: 0, factorBefore25: 1 })
}

/** An integer of any size and sign. */
export const integer = field<number>('integer')
/** A C string, cut after 127 bytes. */
export const text = field<string>('text')
/** A C string, cut after 31 bytes. */
export const shortText = field<string>('shortText')
/** A C string, cut after 255 bytes. */
export const longText = field<string>('longText')
/** A block hash passed as 64 hex digits in display order. */
export const hexHash = field<string>('hexHash')
/** A hash passed as 32 bytes, little-endian; decoded to 64 hex digits in display order. */
export const rawHash = field<string>('rawHash')
/** The first 8 little-endian bytes of a hash; decoded to the last 16 hex digits of its display form. */
export const hashPrefix = field<string>('hashPrefix')
/** The first bytes of a payload, at most 128; decoded to hex. The argument before it is the length of the payload. */
export const bytes = (most: number, meaning: string): Field<string> => ({ ...field<string>('bytes')(meaning), most })
/** A number that Bitcoin Core 23 and 24 pass in a unit that is so many times as large. */
export const scaledBefore25 = (factor: number, of: Field<number>): Field<number> => ({ ...of, factorBefore25: factor })
/** An argument that older builds do not pass. */
export const optional = <T>(of: Field<T>): Field<T> => ({ ...of, optional: true })

export type Fields = Readonly<Record<string, Field>>

/** Time of a hit, or of a line of a log. */
export interface EventTime {
  /** CLOCK_MONOTONIC, ns. */
  readonly stampNs: number
  /** Wall clock, seconds since 1970. */
  readonly unixSeconds: number
}

/** Fields that every event has, whatever its tracepoint. */
export interface EventBase extends EventTime {
  /** Name of the node that fired it. */
  readonly node: string
}

/** The decoded event of a recorded tracepoint. A field is `undefined` where it could not be read or this build does not pass it. */
export type EventOf<T> =
  T extends TracepointOf<infer P, infer F, Metrics>
    ? EventBase & { readonly probe: P } & { readonly [K in keyof F]: F[K] extends Field<infer V> ? V | undefined : never }
    : never

/** The values of an argument that hits are told apart by: a small set. */
export interface Known<T = unknown> {
  /** Texts, cut where they are compared; or the names of the numbers from 0 on. */
  readonly values: readonly string[]
  /** Bytes of a text that are compared; 0 of a number. */
  readonly compared: number
  /** Only for types: the argument's value. */
  readonly value?: T
}

/** The value of a label for all that are not among those known, and for what could not be read. */
export const OTHER = 'other'

/** Texts. Only so many bytes of each are compared: what follows may differ. */
export const knownTexts = (values: readonly string[], compared = 31): Known<string> => ({ values, compared })
/** Names of the numbers from 0 on. */
export const knownNumbers = (...values: readonly string[]): Known<number> => ({ values, compared: 0 })
/** All values that a label takes. */
export const labelValues = ({ values }: Known): readonly string[] => [...new Set([...values, OTHER])]

/** Hits of a tracepoint that the kernel counted: those with the same labels. */
export interface Hits<By extends string = string, Sum extends string = string> {
  readonly probe: string
  readonly count: number
  /** Values that they are told apart by, by the name of the argument. */
  readonly labels: Readonly<Record<By, string>>
  /** Sums of their numbers, by the name of the argument. */
  readonly sums: Readonly<Record<Sum, number>>
  /** How many are in each bucket of the histogram, the one beyond all bounds included; empty where there is no histogram. */
  readonly buckets: readonly number[]
}

/** What the kernel tells hits apart by and adds up, at most three arguments and four. */
export interface Counted<By = Readonly<Record<string, Known>>, Sum extends string = string> {
  readonly by?: By
  readonly sums?: readonly Sum[]
  /** Upper bounds of buckets, at most 20, for one of the arguments that are added up. */
  readonly histogram?: { readonly of: NoInfer<Sum>; readonly bounds: readonly number[] }
}

/** The hits of a counted tracepoint that become events as well: those whose first label has one of up to eight values. */
export interface RecordedHits<Label extends string = string> {
  readonly where: Label
  readonly is: readonly string[]
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
  /** The change to Bitcoin Core that brings it, where no release has it. */
  readonly proposedIn?: string | undefined
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
  readonly recorded?: undefined
  readonly isRecorded: true
  /** Whether its events tell of a block and are joined by its hash. */
  readonly isOfBlock: boolean
}

/** A tracepoint too hot to be recorded hit by hit: the kernel counts it, and records a few hits at most. */
export interface CountedTracepoint<
  P extends string = string,
  F extends Fields = Fields,
  M extends Metrics = Metrics,
  IsRecorded extends boolean = boolean,
> extends TracepointOf<P, F, M> {
  readonly counted: Counted
  readonly recorded?: RecordedHits | undefined
  readonly isRecorded: IsRecorded
  readonly isOfBlock: false
}

/** A tracepoint, whichever it is. */
export type Tracepoint = RecordedTracepoint | CountedTracepoint

interface Declaration<P extends string, F extends Fields> {
  readonly probe: P
  readonly group: Group
  readonly required?: boolean
  readonly eventType?: string
  readonly description: string
  readonly proposedIn?: string | undefined
  readonly args: F
}

interface Recorded<P extends string, F extends Fields, M extends Metrics> extends Declaration<P, F> {
  readonly counted?: undefined
  readonly recorded?: undefined
  readonly metrics?: (build: MetricBuilders<EventOf<RecordedTracepoint<P, F>>>) => M
}

interface CountedInKernel<P extends string, F extends Fields, By extends LabelsOf<F>, Sum extends string, M extends Metrics>
  extends Declaration<P, F> {
  readonly counted: Counted<By, Sum>
  readonly metrics?: (build: Pick<MetricBuilders<Hits<keyof By & string, Sum>>, 'counter' | 'histogram'>) => M
}

/** The names of those arguments whose values are of a type. */
type NamesOf<F extends Fields, T> = { [Name in keyof F]: F[Name] extends Field<T> ? Name : never }[keyof F] & string

/** Arguments, and what is known of the values of each. */
type LabelsOf<F extends Fields> = { readonly [Name in keyof F & string]?: F[Name] extends Field<infer T> ? Known<T> : never }

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
  const By extends LabelsOf<F> = Record<never, never>,
  const Sum extends NamesOf<F, number> = never,
  const M extends Metrics = readonly [],
>(declaration: CountedInKernel<P, F, By, Sum, M> & { readonly recorded: RecordedHits<keyof By & string> }): CountedTracepoint<P, F, M, true>
export function defineTracepoint<
  const P extends string,
  F extends Fields,
  const By extends LabelsOf<F> = Record<never, never>,
  const Sum extends NamesOf<F, number> = never,
  const M extends Metrics = readonly [],
>(declaration: CountedInKernel<P, F, By, Sum, M> & { readonly recorded?: undefined }): CountedTracepoint<P, F, M, false>
export function defineTracepoint<const P extends string, F extends Fields, const M extends Metrics = readonly []>(
  declaration: Recorded<P, F, M>,
): RecordedTracepoint<P, F, M> & { readonly isOfBlock: false }
export function defineTracepoint(declaration: Declared): unknown {
  return complete(declaration, false)
}

type Declared = Declaration<string, Fields> & {
  readonly counted?: unknown
  readonly recorded?: unknown
  readonly metrics?: (build: never) => Metrics
}

function complete<D extends Declared, OfBlock extends boolean>(declaration: D, isOfBlock: OfBlock) {
  const { probe, required = false, eventType = eventTypeOf(probe), proposedIn, metrics, counted, recorded } = declaration
  const description = declaration.description + (proposedIn === undefined ? '' : ` Proposed for Bitcoin Core (${proposedIn}).`)
  const isRecorded = counted === undefined || recorded !== undefined
  const built = metrics?.(metricBuilders() as never) ?? []
  const measured =
    proposedIn === undefined ? built : built.map((metric) => ({ ...metric, help: metric.help + originOf(probe, proposedIn) }))
  return { ...declaration, isOfBlock, isRecorded: isRecorded as true, required, eventType, description, metrics: measured }
}

/** Says where a metric comes from that stays 0 on the nodes that most people run. */
const originOf = (probe: string, proposedIn: string) =>
  `; only of builds with ${probe}, which is proposed for Bitcoin Core (${proposedIn}), or by --source log: elsewhere it stays 0`

/** The tracepoints of FIBRE and of validation go by their names alone, as in the older exporter. */
function eventTypeOf(probe: string): string {
  const [provider = '', name = ''] = probe.split(':')
  return provider === 'udp' || provider === 'validation' ? name : `${provider}_${name}`
}

/** The name of an argument in recordings: `chunksUsed` is `chunks_used`. */
export function recordedName(argument: string): string {
  return argument.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
