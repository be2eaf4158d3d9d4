import { metricsOfNodes } from '../../agent/metrics/index.ts'
import { type PanelQuery, secondsOf } from './dashboard-queries.ts'
import { claimedQuantile, deviation, figures, quantileOf, type Seen, type ShownFigure, shownAs } from './figures.ts'
import type { Choice, QueryAnswer } from './grafana-client.ts'
import { type Fleet, type Host, SCRAPE_SECONDS } from './model/fleet.ts'
import { blocksIn } from './model/truth.ts'

/** The figure that a target has to show, if one is known for it. */
export const figureOf = (target: PanelQuery): ShownFigure | undefined => figures.find(({ shown }) => shown.test(shownAs(target)))

/** Parts of an answer that differ from the fleet at the requested times. */
export function deviations(
  fleet: Fleet,
  target: PanelQuery,
  choice: Choice,
  { series }: QueryAnswer,
  times: readonly number[],
): readonly string[] {
  const figure = figureOf(target)
  if (figure === undefined) return []
  return times.flatMap((at) =>
    groupsOf(fleet, target, series).flatMap(({ label, name, hosts }) => {
      const found = series.filter(({ labels }) => label === undefined || labels[label] === name)
      const values = found.map(({ labels, points }) => ({ labels, value: points.find(({ time }) => time === at)?.value }))
      return (values.length > 0 ? values : [{ labels: {}, value: undefined }]).flatMap(({ labels, value }) => {
        const window = windowOf(target, choice)
        const share = extrapolated(window ?? (figure.rises ? target.minStep : undefined), hosts, at)
        const quantile = quantileOf(claimedQuantile(target) ?? 0.5, boundsIn(target.expr), share)
        const ofNode = ({ node }: { readonly node: string }) => label !== 'node' || node === name
        const seen: Seen = {
          blocks: hosts.flatMap((host) => blocksIn(fleet, host, at - (window ?? target.minStep), at)).filter(ofNode),
          known: hosts.flatMap((host) => known(fleet, host, at)).filter(ofNode),
          ofAll: fleet.hosts.flatMap((host) => known(fleet, host, at)),
          nodes: hosts.flatMap(({ nodes }) => Object.keys(nodes)).length,
          starts: hosts.flatMap((host) => startOf(host, at) ?? []),
          at,
          labels,
          quantile,
        }
        const differs = deviation(figure, seen, value, share, target.expr.includes('round('))
        return differs === undefined
          ? []
          : [`${name ?? 'all'} ${JSON.stringify(labels)} over ${window} s, ${fleet.end - at} s ago, ${differs}`]
      })
    }),
  )
}

interface Group {
  readonly label?: 'node' | 'instance'
  readonly name?: string
  readonly hosts: readonly Host[]
}

/** Nodes or agents, where each has a value of its own. */
function groupsOf({ hosts }: Fleet, { legend }: PanelQuery, series: QueryAnswer['series']): readonly Group[] {
  const isBy = (label: string) => legend.includes(`{{${label}}}`) || series.some(({ labels }) => label in labels)
  if (isBy('node')) return hosts.flatMap((host) => Object.keys(host.nodes).map((name) => ({ label: 'node', name, hosts: [host] }) as const))
  if (isBy('instance')) return hosts.map((host) => ({ label: 'instance', name: host.instance, hosts: [host] }))
  return [{ hosts }]
}

/** The window that the reader is told of, in seconds. */
function windowOf({ panel, legend }: PanelQuery, { window = '' }: Choice): number | undefined {
  const [, told] = /\b(\d+[hd])\b/.exec(`${legend} ${panel}`.replace('$window', window)) ?? []
  return told === undefined ? undefined : secondsOf(told)
}

/** `increase` takes what the samples show to go on to the bounds of the window, from which they are a minute away together. */
function extrapolated(window: number | undefined, hosts: readonly Host[], at: number): number {
  if (window === undefined) return 0
  const measured = Math.min(window, ...hosts.map(({ starts: [first = 0] }) => Math.max(at - first, 2 * SCRAPE_SECONDS)))
  return SCRAPE_SECONDS / (measured - SCRAPE_SECONDS)
}

/** When the agent that a scrape has seen by then was started. */
const startOf = ({ starts, offset }: Host, at: number) =>
  starts.findLast((start) => Math.ceil(start / SCRAPE_SECONDS) * SCRAPE_SECONDS + offset <= at)

/** Blocks that an agent knows at some time. */
function known(fleet: Fleet, host: Host, at: number) {
  const start = startOf(host, at)
  return start === undefined ? [] : blocksIn(fleet, host, start - 2 * SCRAPE_SECONDS, at).filter(({ connectedAt }) => connectedAt > start)
}

/** The bounds of the buckets that an expression reads. */
export function boundsIn(expr: string): readonly number[] {
  const [, name] = /(\w+)_bucket/.exec(expr) ?? []
  return [...metricsOfNodes].find((definition) => definition.name === name)?.buckets ?? []
}
