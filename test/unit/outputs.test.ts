import { expect, it } from 'vitest'
import { Blocks } from '../../agent/blocks/blocks.ts'
import { type BlockRecord, recordOf } from '../../agent/blocks/record.ts'
import { outputsOf } from '../../agent/outputs.ts'
import type { Live } from '../../agent/page/live.ts'
import type { Stores } from '../../agent/stores.ts'
import { FIBRE, reconstructed, timesAre, winnerIs } from './blocks/events.ts'
import { type BlockHeader, chainOf, cmpctblock } from './blocks/relay/messages.ts'
import { connection } from './blocks/relay/start.ts'
import { idleSource, openPage } from './metrics/page.ts'

/** Blocks whose milestones go to the outputs, and the head starts that slow blocks and the journal are told of. */
async function start() {
  const told: (readonly [output: string, headStartMs: number | undefined])[] = []
  const take = (output: string) => (record: BlockRecord) => told.push([output, record.head_start_ms])
  const stores = { slowBlocks: { take: take('slow') }, journal: { append: take('journal'), forget() {} } } as unknown as Stores
  const live = { isWatched: false, update() {}, remove() {} } as unknown as Live
  const outputs = outputsOf({ telemetry: (await openPage()).telemetry, source: idleSource, stores, live, eventLog: undefined })
  const blocks = new Blocks('n', (milestone, block) => {
    for (const output of outputs) output.block?.(milestone, block, () => recordOf(block))
  })
  return { blocks, told }
}

const [header] = chainOf(1) as [BlockHeader]
const race = [
  reconstructed(header.hash, 9.9),
  connection(header, { at: 10 }),
  winnerIs(header.hash, FIBRE, 10),
  timesAre(header.hash, 120, -1, 10),
]

it('a slow block is told of at once and once, the journal has it when its compact block came', async () => {
  const { blocks, told } = await start()
  blocks.messagesVisible = true
  for (const event of race) blocks.observe(event)
  blocks.advance(11.1e9)
  expect(told).toEqual([['slow', 120]])
  blocks.observeMessage(cmpctblock(header, { at: 30 }))
  blocks.advance(31e9)
  expect(told).toEqual([
    ['slow', 120],
    ['journal', 20_120],
  ])
})

it('both are told of at once where messages are not seen', async () => {
  const { blocks, told } = await start()
  for (const event of race) blocks.observe(event)
  blocks.advance(11.1e9)
  expect(told).toEqual([
    ['slow', 120],
    ['journal', 120],
  ])
})
