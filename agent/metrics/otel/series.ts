import type { Attributes, HrTime } from '@opentelemetry/api'
import { declaredLabelSets, type LabelSet, type MetricDefinition } from '../definition.ts'
import { wallClock } from './wall-clock.ts'

/** One label set of a metric. */
export interface Series {
  readonly attributes: Attributes
  /** Since when it is added up. */
  readonly startTime: HrTime
  /** The sum of a counter or histogram, or what was recorded last of a gauge; `undefined` until there is anything. */
  value: number | undefined
  /** Values in each bucket of a histogram, the one beyond all bounds included. */
  readonly counts: number[]
  /** Number of the reading that it was last written in. */
  reading: number
}

/** The series of one value of each label so far: looked up for each event, by texts that are there already. */
interface Branch {
  series: Series | undefined
  byValue: Map<string, Branch> | undefined
}

/** The label sets of one metric: those of nodes, and those of the agent itself, which have no node. */
export class SeriesSet {
  readonly #declaredLabels: readonly LabelSet[]
  readonly #bucketCount: number
  readonly #openLabel: string | undefined
  readonly #openLabelLimit: number
  readonly #byNode = new Map<string | undefined, Branch>()
  readonly #declared = new Map<string | undefined, readonly Series[]>()
  readonly #all = new Set<Series>()
  readonly #openValues = new Map<string, Set<string>>()

  constructor(definition: MetricDefinition<never>, openLabelLimit: number) {
    this.#declaredLabels = declaredLabelSets(definition)
    this.#bucketCount = definition.buckets ? definition.buckets.length + 1 : 0
    this.#openLabel = Object.entries(definition.labels ?? {}).find(([, values]) => values === 'open')?.[0]
    this.#openLabelLimit = openLabelLimit
  }

  /** Those that exist from the start. */
  declared(node: string | undefined): readonly Series[] {
    let declared = this.#declared.get(node)
    if (declared === undefined) {
      declared = this.#declaredLabels.map((labels) => this.find(node, labels))
      this.#declared.set(node, declared)
    }
    return declared
  }

  find(node: string | undefined, given: LabelSet): Series {
    const labels = this.#openLabel === undefined ? given : this.#closed(node, given, this.#openLabel)
    let branch = branchOf(this.#byNode, node)
    for (const name in labels) {
      branch.byValue ??= new Map()
      branch = branchOf(branch.byValue, labels[name] as string)
    }
    branch.series ??= this.#create(node, labels)
    return branch.series
  }

  all(): Iterable<Series> {
    return this.#all
  }

  forget(node: string): void {
    this.#byNode.delete(node)
    this.#declared.delete(node)
    for (const series of this.#all) if (series.attributes.node === node) this.#all.delete(series)
    for (const key of this.#openValues.keys()) if (key === node || key.startsWith(`${node}\0`)) this.#openValues.delete(key)
  }

  #create(node: string | undefined, labels: LabelSet): Series {
    const series: Series = {
      attributes: node === undefined ? labels : { node, ...labels },
      startTime: wallClock(),
      value: undefined,
      counts: Array<number>(this.#bucketCount).fill(0),
      reading: 0,
    }
    this.#all.add(series)
    return series
  }

  /** Leaves the open label out, or holds it to the number of values that is allowed. */
  #closed(node: string | undefined, given: LabelSet, name: string): LabelSet {
    const { [name]: value, ...labels } = given
    if (this.#openLabelLimit === 0) return labels
    const key = [node ?? '', ...Object.values(labels)].join('\0')
    const values = this.#openValues.get(key) ?? new Set()
    this.#openValues.set(key, values)
    if (value !== undefined && values.size < this.#openLabelLimit) values.add(value)
    return { ...labels, [name]: value !== undefined && values.has(value) ? value : 'other' }
  }
}

function branchOf<Key>(branches: Map<Key, Branch>, key: Key): Branch {
  const known = branches.get(key)
  if (known) return known
  const branch = { series: undefined, byValue: undefined }
  branches.set(key, branch)
  return branch
}
