import { writeSync } from 'node:fs'
import { openJournal } from '../../../agent/journal/journal.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { blocks } from '../journal/blocks-journal.ts'

// A process of its own that opens a journal, writes blocks of a node to it, says so, and keeps it open: PATH NODE COUNT
const [path = '', node = '', count] = process.argv.slice(2)
try {
  const journal = await openJournal({ path, maxFileBytes: 65_536, keep: { bytes: 2 ** 30 }, log: silentLog })
  for (const record of blocks(Number(count), { node })) journal.append(record)
  await journal.flush()
  writeSync(1, 'written\n')
  setInterval(() => {}, 1_000)
  process.on('SIGTERM', () => void journal.close().then(() => process.exit()))
} catch (error) {
  writeSync(1, `${(error as Error).message}\n`)
}
