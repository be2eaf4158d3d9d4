import { type Kind, recordedName, type Tracepoint } from '../../tracepoints/define.ts'
import { tracepoints } from '../../tracepoints/index.ts'
import { type OlderName, olderNames } from './older-names.ts'

/** A line of a recording that was understood. */
export interface RecordedEvent {
  readonly tracepoint: Tracepoint
  readonly node: string
  /** CLOCK_MONOTONIC of the machine and boot that it was recorded on. */
  readonly tsNs: number
  /** Wall clock, µs since 1970; earlier recordings lack it. */
  readonly unixUs: number | undefined
  readonly args: Readonly<Record<string, string | number | undefined>>
  /** Names of the arguments that could not be read. */
  readonly failed: readonly string[]
}

/** Why a line could not be understood. */
export interface Fault {
  readonly fault: string
}

interface Argument {
  readonly name: string
  readonly key: string
  readonly older: OlderName | undefined
  readonly kind: Kind
  readonly optional: boolean
}

/** By probe. */
const plans = new Map(tracepoints.map((tracepoint) => [tracepoint.probe as string, { tracepoint, args: argumentsOf(tracepoint) }]))

function argumentsOf({ probe, args }: Tracepoint): readonly Argument[] {
  const older: Readonly<Record<string, OlderName>> = olderNames[probe as keyof typeof olderNames] ?? {}
  return Object.entries(args).map(([name, { kind, optional }]) => ({ name, key: recordedName(name), older: older[name], kind, optional }))
}

/** CLOCK_MONOTONIC is a signed number of 64 bits. */
const LAST_STAMP = 2 ** 63
/** In µs since 1970, in the year 2255: what lies beyond is no whole number of µs any more, and no record could say it. */
const LAST_TIME = Number.MAX_SAFE_INTEGER - 1e6
/** The kernel hands numbers of 64 bits over, with a sign or without. */
const LARGEST = 2 ** 64
/** Each series has the name, and each record. */
const LONGEST_NAME = 255
/** No text that bitcoind hands over is longer. */
const LONGEST_TEXT = 4096

/** Understands a line of a recording, ours or an earlier one. */
export function parseLine(text: string): RecordedEvent | Fault {
  const line = parseObject(text)
  if (line === undefined) return { fault: 'it is no JSON object' }
  const { ts_ns: tsNs, unix_us: unixUs, node, probe } = line
  if (typeof tsNs !== 'number' || !(tsNs >= 0 && tsNs < LAST_STAMP)) return { fault: 'it has no time (ts_ns)' }
  if (typeof node !== 'string' || !/^\P{C}+$/u.test(node) || node.length > LONGEST_NAME) return { fault: 'it names no node' }
  const plan = typeof probe === 'string' ? plans.get(probe) : undefined
  if (plan === undefined) return { fault: 'it names no tracepoint that is known here (probe)' }

  const args: Record<string, string | number | undefined> = {}
  const failed: string[] = []
  for (const { name, key, older, kind, optional } of plan.args) {
    const given = line[key] ?? olderValue(line, older)
    const value = readers[kind](given)
    args[name] = value
    if (value === undefined && !(optional && given === undefined)) failed.push(name)
  }
  return { tracepoint: plan.tracepoint, node, tsNs, unixUs: isTimeOfDay(unixUs) ? unixUs : undefined, args, failed }
}

/** Whether it is a time of day in µs since 1970. */
export function isTimeOfDay(us: unknown): us is number {
  return typeof us === 'number' && us >= 0 && us < LAST_TIME
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function olderValue(line: Readonly<Record<string, unknown>>, older: OlderName | undefined): unknown {
  if (older === undefined) return undefined
  if (typeof older === 'string') return line[older] ?? undefined
  const [key, index] = older
  const list = line[key]
  return Array.isArray(list) ? list[index] : undefined
}

const text = (value: unknown) => (typeof value === 'string' && value.length <= LONGEST_TEXT ? value : undefined)
const hash = (value: unknown) => (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : undefined)

const readers = {
  integer: (value: unknown) => (Number.isInteger(value) && Math.abs(value as number) <= LARGEST ? (value as number) : undefined),
  text,
  shortText: text,
  longText: text,
  bytes: (value: unknown) => (typeof value === 'string' && /^(?:[0-9a-f]{2}){0,128}$/.test(value) ? value : undefined),
  hexHash: hash,
  rawHash: hash,
  // Earlier recordings leave out leading zeros.
  hashPrefix: (value: unknown) => (typeof value === 'string' && /^[0-9a-f]{1,16}$/.test(value) ? value.padStart(16, '0') : undefined),
} as const satisfies Readonly<Record<Kind, (value: unknown) => string | number | undefined>>
