import pino from 'pino'
import { Names } from '../../bitcoind/names/names.ts'
import { readNames } from '../../bitcoind/names/names-file.ts'
import { Roster, type Target } from '../../bitcoind/names/roster.ts'
import type { Found } from '../../bitcoind/search.ts'
import { SeveralUsers } from '../../bitcoind/several-users.ts'
import { besideJournal } from '../../journal/files.ts'
import type { Settings } from '../../settings/load.ts'
import type { Finding } from './finding.ts'

const area = 'nodes'

/** Processes with the names that the agent would give them. */
export interface NamedNodes {
  readonly targets: readonly Target[]
  readonly findings: readonly Finding[]
}

/** Names processes as the agent does: by the settings, by what is remembered beside the journal, and then by their data. */
export async function nameNodes(found: readonly Found[], settings: Settings): Promise<NamedNodes> {
  const { nodeName, nodes, journal } = settings
  const given = nodes.map(({ name }) => name)
  const { remembered, findings } = await readRemembered(journal)
  const names = new Names({ nodeName, given, remembered })
  const roster = new Roster({ given, nodeName, forgetAfterMs: Number.POSITIVE_INFINITY })
  const several = new SeveralUsers(pino({ enabled: false }))
  const refused: Finding[] = []
  const named = found.filter(({ name }) => name !== undefined).sort((a, b) => Number(b.isExact) - Number(a.isExact))
  const unnamed = found.filter(({ name }) => name === undefined)
  names.learn(unnamed)
  for (const { name, isExact, ...process } of [...named, ...unnamed]) {
    const target = { ...process, node: name ?? names.of(process) }
    const refusal = roster.refusalOf(target)
    if (refusal !== undefined) refused.push({ area, level: 'warning', what: refusal, why: 'two nodes never share a name' })
    else {
      roster.begin(target)
      several.processStarted(target)
    }
  }
  const { warning } = several
  if (warning !== undefined) refused.push({ area, level: 'warning', what: warning, why: 'any user can call a program bitcoind' })
  return { targets: roster.targets, findings: [...findings, ...refused] }
}

async function readRemembered(journal: string | undefined) {
  if (journal === undefined) return { remembered: [], findings: [] }
  const path = besideJournal(journal, '.node-names')
  try {
    return { remembered: await readNames(path), findings: [] }
  } catch (error) {
    const what = `${path} cannot be used: ${(error as Error).message}`
    const why = 'after a restart of the agent nodes may have other names, and their series begin anew'
    const todo = 'delete it if it is no other program’s, or let the agent read it'
    return { remembered: [], findings: [{ area, level: 'warning', what, why, todo } satisfies Finding] }
  }
}
