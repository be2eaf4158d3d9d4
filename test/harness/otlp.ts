import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { readBody } from './request-body.ts'

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue: string }
}

/** A point of a sum or gauge has `asDouble`; one of a histogram has the rest. */
interface Point {
  readonly attributes: readonly Attribute[]
  readonly asDouble?: number
  readonly asInt?: string | number
  readonly count: number
  readonly sum: number
  readonly bucketCounts: readonly number[]
  readonly explicitBounds: readonly number[]
}

interface Metric {
  readonly name: string
  readonly sum?: { readonly dataPoints: readonly Point[] }
  readonly gauge?: { readonly dataPoints: readonly Point[] }
  readonly histogram?: { readonly dataPoints: readonly Point[] }
}

interface Push {
  readonly resourceMetrics: readonly { readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[] }[]
}

/** Takes pushes as OTLP/HTTP in JSON and keeps them, each as its samples by `seriesKey`. */
export async function startOtlpReceiver() {
  const pushes: ReadonlyMap<string, number>[] = []
  const server = createServer(async (request, response) => {
    const body = await readBody(request)
    if (!body) return
    const push: Push = JSON.parse(body.toString())
    pushes.push(new Map(samplesOf(push)))
    response.setHeader('Content-Type', 'application/json').end('{}')
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pushes }
}

/** One text for a series, whatever the order of its labels and the spelling of its bucket's bound. */
export function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  const plain = Object.entries(labels).map(([key, value]) => [key, key === 'le' && value !== '+Inf' ? String(Number(value)) : value])
  return `${name} ${plain.map((label) => label.join('=')).toSorted()}`
}

function* samplesOf({ resourceMetrics }: Push): Generator<[string, number]> {
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  for (const { name, sum, gauge, histogram } of metrics) {
    for (const point of (sum ?? gauge)?.dataPoints ?? []) yield [seriesKey(name, labelsOf(point)), Number(point.asDouble ?? point.asInt)]
    for (const point of histogram?.dataPoints ?? []) yield* samplesOfHistogram(name, point)
  }
}

/** As Prometheus has it: buckets count what is at most their bound. */
function* samplesOfHistogram(name: string, point: Point): Generator<[string, number]> {
  const labels = labelsOf(point)
  let below = 0
  for (const [i, count] of point.bucketCounts.entries()) {
    below += count
    yield [seriesKey(`${name}_bucket`, { ...labels, le: String(point.explicitBounds[i] ?? '+Inf') }), below]
  }
  yield [seriesKey(`${name}_count`, labels), point.count]
  yield [seriesKey(`${name}_sum`, labels), point.sum]
}

const labelsOf = ({ attributes }: Point) => Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]))
