import { isIP } from 'node:net'
import * as z from 'zod'
import { uidOf } from '../bitcoind/proc/users.ts'
import { allGroups, type Group } from '../tracepoints/define.ts'
import { didYouMean } from './suggest.ts'

// Every source hands over text (a list of texts for what may be given several times), so a value reads the same wherever it comes from.

export const nonEmptyText = z.string().min(1, 'must not be empty')

/** Accepts what the usual tools accept: true, yes, on, 1 and their opposites, in any case. */
export const yesOrNo = z
  .string()
  .trim()
  .pipe(z.stringbool({ error: 'must be true or false' }))

export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .trim()
    .regex(/^\+?\d+$/, error)
    .transform(Number)
    .pipe(z.number(error).min(min, error).max(max, error))
}

export const logLevel = z
  .string()
  .trim()
  .toUpperCase()
  .transform((level) => (level === 'WARN' ? 'WARNING' : level))
  .pipe(z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR'], 'must be DEBUG, INFO, WARNING or ERROR'))

export const logFormat = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['auto', 'text', 'json', 'fibre_exporter'], 'must be auto, text, json or fibre_exporter'))

const hostOrAddress = z
  .string()
  .trim()
  .refine((host) => isIP(host) !== 0 || /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(host), 'must be an IP address or a host name, without a port')

/** Longest path of a unix socket, which the kernel keeps in 108 bytes with a zero at the end. */
const SOCKET_PATH_BYTES = 107

const listenAddress = z
  .string()
  .trim()
  .transform((address) => address.replace(/^\[(.*)\]$/, '$1'))
  .refine(
    (address) => address.startsWith('unix:') || hostOrAddress.safeParse(address).success,
    'must be an IP address or a host name, without a port, or unix:PATH',
  )
  .refine(
    (address) => !address.startsWith('unix:') || isSocketPath(address.slice('unix:'.length)),
    `must be unix: and a path that begins with / and has ${SOCKET_PATH_BYTES} bytes at most`,
  )

const isSocketPath = (path: string) => /^\/.*[^/]$/.test(path) && Buffer.byteLength(path) <= SOCKET_PATH_BYTES

/** Addresses to listen on, each given by itself or several with commas between. */
export const listenAddresses = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((some) => some.split(',')))
  .pipe(z.array(listenAddress))
  .refine((addresses) => new Set(addresses).size === addresses.length, 'must not name one address twice')

/** The mode of a file, in octal digits. */
export const fileMode = z
  .string()
  .trim()
  .regex(/^0?[0-7]{3}$/, 'must be a mode of three octal digits, such as 0660')
  .transform((mode) => Number.parseInt(mode, 8))

/** Host names with commas between, or "*" for any. */
export const hostNames = z
  .string()
  .transform((list) => list.split(',').map((name) => name.trim()))
  .pipe(z.array(z.string().regex(/^([a-z\d_]([a-z\d._-]*[a-z\d_])?|\*)$/i, 'must be host names, without ports, with commas between')))

const size = z
  .string()
  .trim()
  .regex(/^\d+ ?([KMG](iB)?)?$/i, 'must be a size such as 8MiB or 8388608')
  .transform(bytes)

/** A size in bytes, rounded up to a power of two: the kernel takes no other for a ring buffer. */
export const ringBytes = size
  .pipe(
    z
      .number()
      .min(2 ** 18, 'must be at least 256KiB')
      .max(2 ** 30, 'must be at most 1GiB'),
  )
  .transform((size) => 2 ** Math.ceil(Math.log2(size)))

export const fileBytes = size.pipe(
  z
    .number()
    .min(2 ** 16, 'must be at least 64KiB')
    .max(2 ** 30, 'must be at most 1GiB'),
)

/** An amount to keep: a size in bytes, or an age in days. */
export const retention = z.union(
  [
    z
      .string()
      .trim()
      .regex(/^[1-9]\d{0,4} ?d$/i)
      .transform((days) => ({ days: Number.parseInt(days, 10) })),
    size.pipe(z.number().min(2 ** 16)).transform((bytes) => ({ bytes })),
  ],
  'must be a size of at least 64KiB, such as 100MiB, or an age in days, such as 365d',
)

const unitsInMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A time such as 90s, 30m, 12h or 1d, in ms. */
export const spanInMs = z
  .string()
  .trim()
  .regex(/^[1-9]\d{0,4} ?[smhd]$/i, 'must be a time such as 90s, 30m, 12h or 1d')
  .transform((span) => Number.parseInt(span, 10) * unitsInMs[span.at(-1)?.toLowerCase() as keyof typeof unitsInMs])

/** Users of this machine, with commas between. */
export const userNames = z
  .string()
  .transform((users) => users.split(',').map((user) => user.trim()))
  .superRefine((users, context) => {
    const unknown = users.find((user) => uidOf(user) === undefined)
    if (unknown !== undefined) context.addIssue(`must be users of this machine, by name or number, with commas between`)
  })

export const sourceName = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['kernel', 'log'], 'must be kernel or log'))

/** What `auto` stands for. */
export const automatic: readonly Group[] = ['fibre', 'validation', 'net']

/** Groups of tracepoints, with commas between, in the order in which they are known. */
export const tracepointGroups = z.string().transform((list, context): readonly Group[] => {
  const words: readonly string[] = ['auto', 'all', ...allGroups]
  const given = list.split(',').map((name) => name.trim().toLowerCase())
  const unknown = given.find((name) => !words.includes(name))
  if (unknown !== undefined) {
    const names = words.map((word) => ({ spelling: word, shown: word }))
    const meant = didYouMean(unknown, names).replace(/^; (.*)/, ' ($1)')
    context.addIssue(`must be of ${words.join(', ')}, with commas between${meant}`)
  }
  const isMeant = (group: Group) => given.includes(group) || (given.includes('auto') && automatic.includes(group))
  return allGroups.filter((group) => given.includes('all') || isMeant(group))
})

/** A file, or none at all. */
export const pathOrNone = nonEmptyText.transform((path) => (path === 'none' ? undefined : path))

function bytes(size: string): number {
  const exponent = /k/i.test(size) ? 10 : /m/i.test(size) ? 20 : /g/i.test(size) ? 30 : 0
  return Number.parseInt(size, 10) * 2 ** exponent
}

export const intervalInSeconds = interval('seconds', 1000)
export const intervalInMs = interval('milliseconds', 1)

function interval(unit: string, unitMs: number) {
  const [minMs, maxMs] = [100, 3_600_000]
  const error = `must be a number of ${unit} from ${minMs / unitMs} to ${maxMs / unitMs}`
  return z
    .string()
    .trim()
    .regex(/^\d+(\.\d+)?$/, error)
    .transform((count) => Math.round(Number(count) * unitMs))
    .pipe(z.number().min(minMs, error).max(maxMs, error))
}

/** A duration in ms, which may have a fraction. */
export const durationInMs = z
  .string()
  .trim()
  .regex(/^\d+(\.\d+)?$/, 'must be a number of milliseconds')
  .transform(Number)
  .pipe(z.number().positive('must be more than 0').max(3_600_000, 'must be at most 3600000'))

const httpUrl = z
  .string()
  .trim()
  .pipe(z.url({ protocol: /^https?$/, error: 'must be an address that begins with http:// or https://' }))
  .transform((url) => new URL(url))

export const webhookUrl = httpUrl.transform(({ href }) => href)

/** Headers that the agent sets itself, and those that say how a message is framed. */
const NOT_TO_BE_SET = /^(content-length|transfer-encoding|connection|host|te|trailer|upgrade|expect|idempotency-key)$/i
const MOST_HEADERS = 32

/** Headers of a request, one `Name: value` a line. What is wrong with them is told without repeating any: a value may be a secret. */
export const webhookHeaders = z.string().transform((text, context): Readonly<Record<string, string>> => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const headers = lines.map((line) => /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(line))
  const problem =
    headers.length === 0 || headers.includes(null)
      ? 'must hold one "Name: value" a line, in ASCII'
      : headers.length > MOST_HEADERS
        ? `must hold ${MOST_HEADERS} headers at most`
        : headers.some((header) => NOT_TO_BE_SET.test(header?.[1] ?? ''))
          ? 'holds a header that the agent sets itself (Content-Length, Host, Idempotency-Key and the like)'
          : undefined
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  return Object.fromEntries(headers.map((header) => [header?.[1] ?? '', header?.[2] ?? '']))
})

/** The URL that metrics are posted to; without a path it gets the standard one. */
export const otlpMetricsUrl = httpUrl.transform((url) => (url.pathname === '/' ? withMetricsPath(url) : url.href))

/** A Collector's address for all signals: metrics have their own path below it. */
export const otlpBaseUrl = httpUrl.transform(withMetricsPath)

function withMetricsPath(url: URL): string {
  url.pathname = url.pathname.replace(/\/*$/, '/v1/metrics')
  return url.href
}

export const otlpProtocol = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(
    z.enum(['http/json', 'http/protobuf'], {
      error: ({ input }) =>
        input === 'grpc'
          ? 'grpc is not spoken here; Collectors take http/json and http/protobuf as well, at port 4318'
          : 'must be http/json or http/protobuf',
    }),
  )

export interface NamedNode {
  readonly name: string
  /** The node's executable or data directory. */
  readonly path: string
}

const namedNode = z
  .string()
  .regex(/^\s*[^=\s][^=]*=\s*\S/, 'must be NAME=PATH')
  .regex(/^[^=]*=\s*\//, 'must have a path that begins with /')
  .refine(
    (node) => !/,[^=,/]+=/.test(node),
    'must be one NAME=PATH: repeat --node for each node (FIBRE_NODES takes commas, the file a map)',
  )

export const namedNodes = z
  .array(namedNode)
  .transform((nodes): readonly NamedNode[] => nodes.map(splitAtEquals))
  .refine((nodes) => new Set(nodes.map(({ name }) => name)).size === nodes.length, 'must not give one name twice')
  .refine((nodes) => new Set(nodes.map(({ path }) => path)).size === nodes.length, 'must not give one path two names')

function splitAtEquals(node: string): NamedNode {
  const equals = node.indexOf('=')
  return { name: node.slice(0, equals).trim(), path: node.slice(equals + 1).trim() }
}
