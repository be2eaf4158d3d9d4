import type { Field, Fields } from './fields.ts'

/** A token bucket: requests at once, and the time in which one more is let through. */
export interface RateLimit {
  readonly intervalMs: number
  readonly burst: number
}

const unitsInMs = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const SPAN = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g

/** The limit of requests; undefined where there is none. */
export function readRateLimit(fields: Fields, section: Field | undefined): RateLimit | undefined {
  const { interval, burst } = fields.map(section, 'rate_limit', ['interval', 'burst'])
  const intervalMs = readDuration(fields, interval)
  const requests = fields.text(burst) ?? '0'
  if (!/^\d{1,9}$/.test(requests)) return void fields.fail(burst, 'must be a whole number of requests')
  return intervalMs ? { intervalMs, burst: Number(requests) } : undefined
}

/** A duration of Go, such as 1m30s, or a plain number of nanoseconds. */
function readDuration(fields: Fields, field: Field | undefined): number | undefined {
  const text = fields.text(field) ?? '0'
  if (/^\d+$/.test(text)) return Number(text) * unitsInMs.ns
  if (text.replace(SPAN, '') !== '') return void fields.fail(field, 'must be a time such as 100ms or 1m30s')
  return [...text.matchAll(SPAN)].reduce((sum, [, count, unit]) => sum + Number(count) * unitsInMs[unit as keyof typeof unitsInMs], 0)
}
