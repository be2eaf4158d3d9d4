import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { nameOfUser } from '../../bitcoind/proc/users.ts'
import type { Finding } from './finding.ts'

const area = 'journal'

/** Judges whether the agent could write the journal. Nothing is written. */
export function judgeJournal(path: string | undefined): readonly Finding[] {
  if (path === undefined) return [{ area, level: 'note', what: 'no journal is kept', why: 'there is no history after a restart' }]
  const folder = dirname(path)
  // The agent makes the folder, but not the one above it.
  const place = [path, folder, dirname(folder)].find((one) => existsSync(one))
  const why = 'blocks are not kept, and names of nodes are not remembered'
  if (place === undefined) return [{ area, level: 'warning', what: `${folder} does not exist`, why, todo: `mkdir -p ${folder}` }]
  try {
    accessSync(place, constants.W_OK)
    if (place === path) accessSync(folder, constants.W_OK)
    return [{ area, level: 'ok', what: `${path} can be written` }]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const user = nameOfUser(process.geteuid?.() ?? 0)
    const reason = code === 'EROFS' ? 'the file system is read-only' : `the user ${user} may not write there`
    return [
      {
        area,
        level: 'warning',
        what: `${path} cannot be written: ${reason}`,
        why,
        todo: `let the user ${user} write ${folder}, or give another --journal`,
      },
    ]
  }
}
