import { defineConfig } from 'vitest/config'
import { BuildOrder } from './test/stack/sequencer.ts'

const ci = process.env.CI === 'true'
const report = `.reports/${process.env.REPORT ?? 'test'}`
const project = (name: string, extra = {}) => ({ extends: true as const, test: { name, include: [`test/${name}/**/*.test.ts`], ...extra } })

/** Real programs, probes and clocks: one file at a time, and nothing beside it. */
const onItsOwn = (groupOrder: number) => ({
  pool: 'forks',
  fileParallelism: false,
  sequence: { groupOrder },
  testTimeout: 300_000,
  hookTimeout: 300_000,
})

/** Much of the time these wait, for an outage to end or for servers to be built: two at a time, by a clock that takes building in. */
const besideABuild = {
  globalSetup: 'test/stack/global-setup.ts',
  fileParallelism: true,
  maxWorkers: 2,
  testTimeout: 900_000,
  hookTimeout: 900_000,
}

export default defineConfig({
  test: {
    allowOnly: !ci,
    reporters: ['default', ['json', { outputFile: `${report}.json` }], ['./test/harness/tally.ts', { faultsFile: `${report}.faults` }]],
    sequence: { sequencer: BuildOrder },
    projects: [
      project('unit', { include: ['test/{unit,demo-node}/**/*.test.ts'] }),
      project('kernel', onItsOwn(1)),
      project('stack', { ...onItsOwn(2), ...besideABuild }),
      project('browser', onItsOwn(3)),
      project('machines', onItsOwn(4)),
      project('package', onItsOwn(5)),
    ],
  },
})
