import fc from 'fast-check'

const TIME_LIMIT_MS = 30_000

// A property that fails prints its seed and the smallest input for which it was seen to fail. SEED=… runs all properties from that seed.
const { SEED } = process.env
fc.configureGlobal({ interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: true, ...(SEED && { seed: Number(SEED) }) })

/** Of a test that checks a property: it has time to shrink its input and to print it. */
export const propertyOptions = { timeout: 2 * TIME_LIMIT_MS }

export default fc
