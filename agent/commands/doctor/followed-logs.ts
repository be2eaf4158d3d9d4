import { accessSync, constants } from 'node:fs'
import type { Target } from '../../bitcoind/names/roster.ts'
import { debugLogOf } from '../../sources/log/location.ts'
import type { Finding } from './finding.ts'

const area = 'nodes'

/** Judges whether the log source can read the debug.log of each process. */
export function judgeLogsOf(targets: readonly Target[]): readonly Finding[] {
  return targets.map(({ node, pid }) => judgeLog(`pid ${pid} is node ${node}`, () => debugLogOf(pid)))
}

/** Judges whether the log source can read the debug.log that `locate` gives, of what `whose` says. */
export function judgeLog(whose: string, locate: () => string): Finding {
  try {
    const path = locate()
    accessSync(path, constants.R_OK)
    return { area, level: 'ok', what: `${whose}: ${path} can be read` }
  } catch (error) {
    const todo = 'run the agent as a user who may read it, such as that of bitcoind'
    return { area, level: 'fault', what: `${whose}: ${(error as Error).message}`, why: 'this node is not measured', todo }
  }
}
