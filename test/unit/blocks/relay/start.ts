import type { Block } from '../../../../agent/blocks/block.ts'
import { Blocks } from '../../../../agent/blocks/blocks.ts'
import type { CatchUp } from '../../../../agent/blocks/catch-up.ts'
import type { CountedAnnouncement, Milestone } from '../../../../agent/blocks/milestone.ts'
import { type BlockRecord, recordOf } from '../../../../agent/blocks/record.ts'
import { isMessageEvent, type MessageEvent } from '../../../../agent/blocks/relay/message.ts'
import type { BlockEvent } from '../../../../agent/tracepoints/index.ts'
import { eventOf } from '../events.ts'
import type { BlockHeader } from './messages.ts'

export type AnyEvent = BlockEvent | MessageEvent

/** Blocks of a node whose messages have been seen for a long time, and all that they tell. */
export function startRelay() {
  const told: [milestone: Milestone, hash: string][] = []
  const records = new Map<string, BlockRecord>()
  const announcements: CountedAnnouncement[] = []
  const catchUps: [phase: string, catchUp: CatchUp][] = []
  const blocks = new Blocks(
    'n',
    (milestone, block: Block) => {
      told.push([milestone, block.hash])
      if (milestone !== 'caughtUp') records.set(block.hash, recordOf(block))
    },
    {
      onAnnouncement: (announcement) => announcements.push(announcement),
      onCatchUp: (phase, catchUp) => catchUps.push([phase, { ...catchUp }]),
    },
  )
  blocks.messagesVisible = true
  blocks.advance(-1e12)
  return {
    blocks,
    told,
    records,
    announcements,
    catchUps,
    /** The milestones of a block. */
    milestones: ({ hash }: BlockHeader) => told.filter(([, other]) => other === hash).map(([milestone]) => milestone),
    record: ({ hash }: BlockHeader): BlockRecord | undefined => known(records.get(hash)),
    observe(...events: readonly AnyEvent[]) {
      for (const event of events) isMessageEvent(event) ? blocks.observeMessage(event) : blocks.observe(event)
    },
    advance: (seconds: number) => blocks.advance(seconds * 1e9),
  }
}

const known = (record: BlockRecord | undefined) => record && (JSON.parse(JSON.stringify(record)) as BlockRecord)

interface Connection {
  /** In seconds, as how long it took. */
  readonly at?: number
  readonly took?: number
  readonly height?: number
}

export const connection = ({ hash }: BlockHeader, { at = 0, took, height }: Connection = {}): BlockEvent =>
  eventOf('validation:block_connected', {
    blockHash: hash,
    height,
    durationNs: took === undefined ? undefined : took * 1e9,
    stampNs: Math.round(at * 1e9),
    unixSeconds: at,
  })
