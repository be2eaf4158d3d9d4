import type { Block } from './block.ts'

/** A block of which more may come. */
export type OpenBlock = { -readonly [Key in keyof Block]: Block[Key] } & {
  completeNs: number | undefined
  excused: boolean
  /** Whether events were lost while it was open. */
  hasLost: boolean
  isWaiting: boolean
  isToldConnected: boolean
}

/** Returns a block of which nothing is known but that there is one. */
export function beginBlock(known: Pick<OpenBlock, 'node' | 'hash' | 'firstSign' | 'relay' | 'messagesSinceNs' | 'excused'>): OpenBlock {
  return {
    ...known,
    events: {},
    winner: undefined,
    race: undefined,
    measuredHeadStartSeconds: undefined,
    sinceWin: undefined,
    withoutRace: false,
    isCaughtUp: false,
    competesWith: undefined,
    reorganisationDepth: 0,
    isOverdue: false,
    completeNs: undefined,
    hasLost: false,
    isWaiting: false,
    isToldConnected: false,
  }
}
