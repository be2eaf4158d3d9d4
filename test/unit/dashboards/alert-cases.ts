import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { alertsYaml } from '../../../dashboards/alerts.ts'
import type { Alert } from '../../../dashboards/rule.ts'
import { type AtMinute, type FiredAlert, firedAt, type SeriesSet } from './promtool-tests.ts'

/** Series, the minutes at which they are looked at, and what fires then: severity, and node or instance, sorted. */
interface Case {
  /** Minutes between two samples and two looks at the rules, if not those of all cases. */
  readonly step?: number
  readonly series: SeriesSet
  readonly at: Readonly<Record<number, readonly string[]>>
}

/** The cases of each alert by what they show: at least one in which it fires, and one in which it never does. */
export type Cases = Readonly<Record<string, Readonly<Record<string, Case>>>>

/** A case takes a second, and more on a busy machine. */
const TIMEOUT_MS = 120_000

/** Runs the cases of these alerts, each by promtool on the rules as they are shipped. */
export function testAlerts(alerts: readonly Alert[], cases: Cases, usualStep = 1): void {
  it('is shown for every alert to fire and to be silent', () => {
    expect(Object.keys(cases).sort()).toEqual([...new Set(alerts.map(({ alert }) => alert))].sort())
    for (const [alert, ofAlert] of Object.entries(cases)) {
      const fires = Object.values(ofAlert).map(({ at }) => Object.values(at).some((fired) => fired.length > 0))
      expect(new Set(fires), alert).toEqual(new Set([true, false]))
    }
  })

  for (const [alert, ofAlert] of Object.entries(cases))
    it.each(Object.entries(ofAlert))(
      `${alert} %s`,
      async (_what, { series, at, step = usualStep }) => {
        const fired = await firedAt(rulesOf(alert), [alert], series, Object.keys(at).map(Number), step)
        expect(Object.fromEntries([...fired].map(([minute, all]) => [minute, all.map(whoAndHow).sort()]))).toEqual(at)
        for (const all of fired.values()) all.forEach(expectReadable)
      },
      TIMEOUT_MS,
    )
}

const whoAndHow = ({ severity, labels }: FiredAlert) => `${severity} ${labels.node ?? labels.instance ?? 'nobody'}`

/** Texts are filled in, and say whom they are about: an agent with the nodes that it measures. */
function expectReadable({ labels, annotations }: FiredAlert): void {
  const { summary = '', description = '' } = annotations
  for (const text of [summary, description]) {
    expect(text).not.toMatch(/no value|NaN|Inf|error|%!|{{/)
    expect(text).toContain(labels.node ?? labels.instance ?? '')
  }
}

/** The rules as they are shipped, but only those of one alert: each takes a millisecond. */
function rulesOf(alert: string): string {
  const { groups } = parse(alertsYaml()) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  const isAbout = (rule: Rule) => rule.alert === alert
  const recorded = rules.filter(({ record }) => record && rules.some((rule) => isAbout(rule) && rule.expr.includes(record)))
  return stringify({ groups: [{ name: alert, rules: [...recorded, ...rules.filter(isAbout)] }] })
}

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
}

/** One value before a minute, and another from then on. */
export const changesAt = (minute: number, before: number, after: number): AtMinute => {
  return (now) => (now < minute ? before : after)
}

/** A counter that rises by one at each of these minutes. */
export const steps = (...minutes: readonly number[]): AtMinute => {
  return (now) => minutes.filter((minute) => minute <= now).length
}

/** Series that have no more samples from a minute on: just so where they are pushed, marked as stale where they are scraped. */
export const endedAt = (series: SeriesSet, from: number, mark?: 'stale'): SeriesSet =>
  mapped(series, (at) => (now) => (now < from ? at(now) : now === from ? mark : undefined))

/** Series without samples for some time. */
export const between = (series: SeriesSet, from: number, to: number): SeriesSet =>
  mapped(series, (at) => (now) => (now < from || now >= to ? at(now) : undefined))

const mapped = (series: SeriesSet, change: (at: AtMinute) => AtMinute): SeriesSet =>
  Object.fromEntries(Object.entries(series).map(([selector, at]) => [selector, change(at)]))
