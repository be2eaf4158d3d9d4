import pino from 'pino'
import { openJournal } from '../../../agent/journal/journal.ts'
import { blocks } from './blocks-journal.ts'

// A process of its own that writes blocks of a node to a journal: PATH NODE COUNT MAX_FILE_BYTES
const [path = '', node = '', count, maxFileBytes] = process.argv.slice(2)
const journal = await openJournal({ path, maxFileBytes: Number(maxFileBytes), keep: { bytes: 2 ** 30 }, log: pino() })
for (const record of blocks(Number(count), { node })) {
  journal.append(record)
  if ((record.height ?? 0) % 10 === 0) await journal.flush()
}
await journal.flush()
await journal.close()
