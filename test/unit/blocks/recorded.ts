import { join } from 'node:path'
import { fieldsOf, type Recorded, readRecording } from '../../demo-node/recording.ts'
import { type ExpectedRecord, expectedRecord, type Said } from './expected-record.ts'

/** Events of two real nodes in three runs. */
export const recordingFile = join(import.meta.dirname, '../../fixtures/events.jsonl')
export const recording = readRecording(recordingFile)
export const NODES = ['A', 'B'] as const

/** bitcoind says the time as it begins to send: by that the wall clock of every stamp is known. */
const anchor = recording.find(({ send_start_us }) => send_start_us !== undefined) as Recorded

const said = (line: Recorded): Said => ({
  ...fieldsOf(line),
  probe: line.probe,
  stampNs: line.ts_ns,
  unixUs: Number(anchor.send_start_us) + Math.round((line.ts_ns - anchor.ts_ns) / 1e3),
})

const hashOf = ({ block_hash, hash_prefix }: Recorded) =>
  String(block_hash ?? recording.find(({ block_hash: hash }) => String(hash).endsWith(String(hash_prefix).padStart(16, '0')))?.block_hash)

/** The record of each block of a node, by hash, as the recording says. */
export function expectedRecords(node: string): ReadonlyMap<string, ExpectedRecord> {
  const own = recording.filter((line) => line.node === node)
  const blocks = [...Map.groupBy(own, hashOf)]
  return new Map(blocks.map(([hash, lines]) => [hash, expectedRecord(node, hash, lines.map(said))]))
}
