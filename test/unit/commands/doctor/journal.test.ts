import { expect, it } from 'vitest'
import { judgeJournal } from '../../../../agent/commands/doctor/journal.ts'

const kernelsOwn = (place: string, kind: string) => `${place} is the kernel's own (${kind}), and keeps no files of others`

it.each([
  ['/proc/blocks.ndjson', kernelsOwn('/proc', 'proc')],
  ['/proc/made/blocks.ndjson', kernelsOwn('/proc', 'proc')],
  ['/proc/self/blocks.ndjson', kernelsOwn('/proc/self', 'proc')],
  ['/sys/blocks.ndjson', kernelsOwn('/sys', 'sysfs')],
  ['/dev/null/blocks.ndjson', 'a part of its path is a file'],
])('a journal cannot be kept at %s, whoever asks', async (path, reason) => {
  expect(await judgeJournal(path, async () => false)).toEqual([
    {
      area: 'journal',
      level: 'warning',
      what: `${path} cannot be written: ${reason}`,
      why: 'blocks are not kept, and names of nodes are not remembered',
      todo: 'give another --journal',
    },
  ])
})
