import { writeSync } from 'node:fs'
import { openJournal } from '../../../agent/journal/journal.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { blockAt } from './blocks-journal.ts'

// A process of its own that hands records to a journal as the agent does, those of a drain in one turn of the event loop, and says before each
// drain how many records it has handed over: PATH
const [path = ''] = process.argv.slice(2)
const RECORDS = 10
/** Long enough for the thread that writes, also on a busy machine. */
const DRAIN_INTERVAL_MS = 250

const journal = await openJournal({ path, maxFileBytes: 2 ** 30, keep: { bytes: 2 ** 30 }, log: silentLog })
const records = Array.from({ length: RECORDS }, (_, number) => blockAt(number))
let appended = 0
setInterval(() => {
  writeSync(1, `${appended}\n`)
  for (const record of records) journal.append(record)
  appended += records.length
}, DRAIN_INTERVAL_MS)
