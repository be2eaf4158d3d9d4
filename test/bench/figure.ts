import { median } from '../harness/statistics.ts'

/** Digits after the point with which a figure of a unit is shown. */
const digits = { s: 3, ms: 2, µs: 1, ns: 0, MB: 1, '/s': 0, '% of a core': 2, events: 0 } as const
export type Unit = keyof typeof digits

/** Target value of a figure. */
export type Goal = { readonly atMost: number | 'peer' } | { readonly atLeast: number }

export interface Measurement {
  /** One value for each round, in the figure's unit. */
  readonly samples: readonly number[]
  /** Another tool's values, measured in turn with ours. */
  readonly peer?: { readonly name: string; readonly samples: readonly number[] }
  /** Notes that are needed to judge the figure. */
  readonly notes?: readonly string[]
}

/** Tools that a figure is measured with. */
export interface Run {
  /** Tells what is being done. */
  say(text: string): void
  /** Measures several rounds and tells the value of each. */
  repeat(rounds: number, measureOnce: () => Promise<number>): Promise<readonly number[]>
}

export interface Figure {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  readonly unit: Unit
  /** Without one the figure is shown, and not judged. */
  readonly goal?: Goal
  measure(run: Run): Promise<Measurement>
}

/** A figure and what came of it; without a measurement there is the reason. */
export interface Result {
  readonly figure: Figure
  readonly measurement?: Measurement
  readonly reason?: string
}

export type Verdict = 'reached' | 'missed' | 'measured' | 'not measured'

/** Measures one figure, in its own number of rounds unless another is given. What cannot be measured does not keep the others from it. */
export async function measure(figure: Figure, tell: (text: string) => void, fixedRounds?: number): Promise<Result> {
  const say = (text: string) => tell(`${figure.name}: ${text}`)
  const repeat: Run['repeat'] = async (ownRounds, measureOnce) => {
    const rounds = fixedRounds ?? ownRounds
    const samples: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const value = await measureOnce()
      samples.push(value)
      say(`round ${round} of ${rounds}: ${show(value, figure.unit)}`)
    }
    return samples
  }
  say(figure.title)
  try {
    return { figure, measurement: await figure.measure({ say, repeat }) }
  } catch (error) {
    const reason = (error as Error).message
    say(`not measured: ${reason}`)
    return { figure, reason }
  }
}

/** Whether the median reaches the goal. */
export function verdictOf({ figure: { goal }, measurement }: Result): Verdict {
  if (measurement === undefined) return 'not measured'
  if (goal === undefined) return 'measured'
  const value = median(measurement.samples)
  if ('atLeast' in goal) return value >= goal.atLeast ? 'reached' : 'missed'
  const limit = goal.atMost === 'peer' ? median(measurement.peer?.samples ?? []) : goal.atMost
  return value <= limit ? 'reached' : 'missed'
}

/** A value with its unit, for people. */
export function show(value: number, unit: Unit): string {
  const text = value.toLocaleString('en', { minimumFractionDigits: digits[unit], maximumFractionDigits: digits[unit] })
  return unit === '/s' ? `${text}/s` : `${text} ${unit}`
}
