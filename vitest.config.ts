import { defineConfig } from 'vitest/config'

const ci = process.env.CI === 'true'
const project = (name: string, extra = {}) => ({ extends: true as const, test: { name, include: [`test/${name}/**/*.test.ts`], ...extra } })

/** Real programs, probes and clocks: one file at a time, and nothing beside it. */
const onItsOwn = (groupOrder: number) => ({
  pool: 'forks',
  fileParallelism: false,
  sequence: { groupOrder },
  testTimeout: 300_000,
  hookTimeout: 300_000,
})

export default defineConfig({
  test: {
    allowOnly: !ci,
    reporters: ['default', ['json', { outputFile: `.reports/${process.env.REPORT ?? 'test'}.json` }], './test/harness/tally.ts'],
    projects: [
      project('unit', { include: ['test/{unit,demo-node}/**/*.test.ts'] }),
      project('kernel', onItsOwn(1)),
      project('stack', onItsOwn(2)),
      project('browser', onItsOwn(3)),
      project('machines', onItsOwn(4)),
    ],
  },
})
