import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Tests by the last program that they need: none, the Collector, VictoriaLogs, Prometheus, promtool. In each list, the longest first. */
const order = [
  ['push-faults', 'rules-over-days', 'image'],
  ['printed-log', 'parsing'],
  ['logs'],
  ['outage', 'fleet', 'series'],
  ['dashboards', 'dashboard-cost', 'compose', 'dashboard-paths', 'dashboard-recording'],
].flat()

/** Begins with the tests of servers that are built first. */
export class BuildOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

/** Files that are not in the list come last. */
function place({ project, moduleId }: TestSpecification): number {
  const index = project.name === 'stack' ? order.indexOf(basename(moduleId, '.test.ts')) : -1
  return index < 0 ? order.length : index
}
