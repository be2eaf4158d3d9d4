import { summarise } from '../blocks/summary.ts'
import { summaryJson } from '../blocks/summary-json.ts'
import type { PageAnswer, PageRoute } from './answer.ts'
import { answerCache } from './answer-cache.ts'
import { type History, MOST_RECORDS } from './history.ts'
import { readBlockHash, readParameters, readWholeNumber, refusingBadQueries } from './query.ts'
import type { Status, TargetStatus } from './status.ts'

const DEFAULT_LIMIT = 100

/** Serves the state of agent and nodes, with the figures of the blocks that are held. */
export function statusRoute(status: () => Status, history: History): PageRoute {
  const cached = answerCache()
  return refusingBadQueries((request) => {
    readParameters(request, [])
    const now = status()
    return cached(`${history.changes} ${JSON.stringify(now)}`, () => json(stateOf(now, history)))
  })
}

/** Serves final records, newest first, as the journal has them. */
export function blocksRoute(history: History): PageRoute {
  const cached = answerCache()
  return refusingBadQueries((request) => {
    const { limit, node, hash } = readParameters(request, ['limit', 'node', 'hash'])
    const count = limit === undefined ? DEFAULT_LIMIT : readWholeNumber('limit', limit, 1, MOST_RECORDS)
    const query = { count, node, hash: hash === undefined ? undefined : readBlockHash('hash', hash) }
    return cached(`${history.changes} ${JSON.stringify(query)}`, () => json({ blocks: history.select(query) }))
  })
}

function stateOf({ version, startedAt, health, warnings = [], targets, pushing }: Status, history: History) {
  return {
    version,
    started_at: startedAt,
    ready: health.ready,
    reasons: health.reasons,
    warnings,
    pushing_to: pushing,
    nodes: targets.map((target) => nodeOf(target, history)),
  }
}

function nodeOf(target: TargetStatus, history: History) {
  const { node, pid, executable, up, replay, probes, lastHeight, lastBlockAt, blocks, fibreWins, compactWins, otherWins, eventsLost } =
    target
  return {
    node,
    pid: replay === undefined ? pid : undefined,
    executable,
    replay,
    up,
    last_height: lastHeight,
    last_block_at: lastBlockAt,
    probes: probes.map(({ probe, attached, reason }) => ({ probe, attached, reason })),
    since_start: { blocks, wins: { fibre_udp: fibreWins, bip152_cmpct: compactWins, other: otherWins }, events_lost: eventsLost },
    held: summaryJson(summarise(history.finished(node))),
  }
}

function json(value: unknown): PageAnswer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
