import { startDemoNode } from '../demo-node/demo-node.ts'
import { eventsIn, lostOf, startAttachedAgent } from './attached-agent.ts'
import { type Figure, type Run, show } from './figure.ts'

const SECONDS = 5
const STEP = 25_000
const FIRST = STEP
/** A rate that lost events is tried again, since others use this machine too. */
const ATTEMPTS = 2
/** A node that takes longer than this for its events does not fire at the rate that it was told. */
const LONGEST_SECONDS = 1.05 * SECONDS

export const rate: Figure = {
  name: 'rate',
  title: `highest event rate without loss for ${SECONDS} s`,
  unit: '/s',
  goal: { atLeast: 120_000 },
  async measure({ say }) {
    const notes: string[] = []
    let highest = 0
    for (let rate = FIRST; await holds(rate, say, notes); rate += STEP) highest = rate
    return { samples: [highest], notes }
  },
}

async function holds(rate: number, say: Run['say'], notes: string[]): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { seconds, lost } = await fire(rate)
    const outcome =
      seconds > LONGEST_SECONDS ? `the node needed ${seconds.toFixed(1)} s instead of ${SECONDS}` : `lost ${lost.toLocaleString('en')}`
    say(`${show(rate, '/s')}: ${outcome}`)
    if (lost === 0 && seconds <= LONGEST_SECONDS) return true
    notes.push(`at ${show(rate, '/s')} attempt ${attempt} of ${ATTEMPTS}: ${outcome}`)
  }
  return false
}

/** On an agent that has just started, and still compiles its code. */
async function fire(rate: number): Promise<{ readonly seconds: number; readonly lost: number }> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node)
  const fired = await node.command(`events ${SECONDS * rate} ${rate}`)
  return { seconds: fired.seconds, lost: await lostOf(agent, eventsIn(fired)) }
}
