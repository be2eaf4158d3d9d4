import { alignColumns } from '../table.ts'
import { describeGrowth, type Point } from './line.ts'

/** What the agent costs, measured against something of which there is more and more. */
export interface Growth {
  /** What there is more of, in the plural. */
  readonly noun: string
  readonly sizes: readonly number[]
  /** Slopes are given for so many. */
  readonly per: number
  /** Measures a new agent at one size. */
  measureAt(size: number): Promise<readonly Quantity[]>
}

export interface Quantity {
  readonly name: string
  readonly unit: string
  readonly value: number
}

/** Measures at each size, and lays out the points with what they say: a row for each quantity. */
export async function growthTable(growth: Growth, tell: (text: string) => void): Promise<string> {
  const { noun, sizes, per } = growth
  const points = new Map<string, Point[]>()
  const units = new Map<string, string>()
  for (const size of sizes) {
    tell(`growth: ${size.toLocaleString('en')} ${noun}`)
    for (const { name, unit, value } of await growth.measureAt(size)) {
      points.set(name, [...(points.get(name) ?? []), [size, value]])
      units.set(name, unit)
    }
  }
  const rows = [...points].map(([name, points]) => {
    const unit = units.get(name) ?? ''
    return [`${name}, ${unit}`, ...points.map(([, value]) => value.toFixed(value < 10 ? 3 : 1)), describeGrowth(points, unit, noun, per)]
  })
  return alignColumns([[noun, ...sizes.map((size) => size.toLocaleString('en')), 'growth'], ...rows])
}
