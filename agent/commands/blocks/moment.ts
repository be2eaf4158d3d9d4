import * as z from 'zod'

const MS_OF = { s: 1e3, m: 60e3, h: 3600e3, d: 24 * 3600e3, w: 7 * 24 * 3600e3 } as const

const error = 'must be a time ago such as 90m, 24h or 7d, or a UTC date or time such as 2026-11-22 or 2026-11-22T10:15'

/** A moment, in Unix ms as seen from now: a time ago, or a date or time, in UTC where it does not say otherwise. */
export const moment = z
  .string()
  .trim()
  .transform((text) => ago(text) ?? isoMoment(text))
  .pipe(z.custom<(now: number) => number>((moment) => typeof moment === 'function', error))

function ago(text: string): ((now: number) => number) | undefined {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/i.exec(text) ?? []
  return count && unit ? (now) => now - Number(count) * MS_OF[unit.toLowerCase() as keyof typeof MS_OF] : undefined
}

function isoMoment(text: string): (() => number) | undefined {
  const [, date, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text) ?? []
  const ms = Date.parse(`${date}T${time}${zone}`)
  // A 30th of February would become a day in March.
  const exists = date !== undefined && !Number.isNaN(ms) && new Date(`${date}T00:00Z`).toISOString().startsWith(date)
  return exists ? () => ms : undefined
}
