import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { nodeOptionsOf } from '../harness/agent.ts'
import type { Checkout } from './checkout.ts'
import type { Figure, Measurement, Result } from './figure.ts'

const program = join(import.meta.dirname, 'main.ts')

/** A figure of another checkout and of this one. */
export interface Comparison {
  readonly base: Result
  readonly here: Result
}

interface Options {
  readonly rounds: number
  readonly tell: (text: string) => void
}

/** Measures a figure on two checkouts in turn, a round each, so that both share the machine's better and worse minutes. */
export async function compare(figure: Figure, base: Checkout, here: Checkout, { rounds, tell }: Options): Promise<Comparison> {
  const results = new Map<Checkout, Result>()
  for (let round = 1; round <= rounds; round++) {
    for (const checkout of [base, here]) {
      const before = results.get(checkout)
      if (before?.reason !== undefined) continue // it cannot be measured: no use in trying again
      tell(`${figure.name}: ${checkout.name}, round ${round} of ${rounds}`)
      results.set(checkout, merge(before, await measureOn(checkout, figure)))
    }
  }
  return { base: results.get(base) ?? { figure }, here: results.get(here) ?? { figure } }
}

/** Measures one round in a process of its own, whose agent is that of the checkout. */
async function measureOn({ root }: Checkout, figure: Figure): Promise<Result> {
  const args = [...nodeOptionsOf(root), program, '--only', figure.name, '--rounds', '1', '--json']
  const running = promisify(execFile)(process.execPath, args, { env: { ...process.env, AGENT_CHECKOUT: root } })
  const kill = () => running.child.kill('SIGTERM')
  process.once('exit', kill)
  running.child.stderr?.pipe(process.stderr, { end: false })
  try {
    const [{ reason, samples, peer }] = JSON.parse((await running).stdout).figures
    return reason === undefined ? { figure, measurement: { samples, peer } } : { figure, reason }
  } catch (error) {
    return { figure, reason: (error as Error).message }
  } finally {
    process.removeListener('exit', kill)
  }
}

function merge(before: Result | undefined, { figure, measurement, reason }: Result): Result {
  if (reason !== undefined || measurement === undefined) return { figure, reason: reason ?? 'no measurement' }
  return { figure, measurement: before?.measurement ? joined(before.measurement, measurement) : measurement }
}

function joined(a: Measurement, b: Measurement): Measurement {
  const peer = b.peer && { name: b.peer.name, samples: [...(a.peer?.samples ?? []), ...b.peer.samples] }
  return { samples: [...a.samples, ...b.samples], ...(peer && { peer }) }
}
