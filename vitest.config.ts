import { defineConfig } from 'vitest/config'

const ci = process.env.CI === 'true'
const project = (name: string, extra = {}) => ({ extends: true as const, test: { name, include: [`test/${name}/**/*.test.ts`], ...extra } })

export default defineConfig({
  test: {
    allowOnly: !ci,
    reporters: ['default', ['json', { outputFile: `.reports/${process.env.REPORT ?? 'test'}.json` }], './test/tally.ts'],
    // Real programs, probes and clocks: one file at a time.
    projects: [project('unit'), project('kernel', { pool: 'forks', fileParallelism: false, testTimeout: 120_000, hookTimeout: 60_000 })],
  },
})
