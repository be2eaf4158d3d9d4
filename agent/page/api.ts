import { summarise } from '../blocks/summary/summary.ts'
import { summaryJson } from '../blocks/summary/summary-json.ts'
import type { Snapshot } from '../nodes/snapshot.ts'
import type { PageAnswer, PageRoute } from './answer.ts'
import { answerCache } from './answer-cache.ts'
import { type History, MOST_RECORDS } from './history.ts'
import { readBlockHash, readParameters, readWholeNumber, refusingBadQueries } from './query.ts'
import { countLostEvents, type SeenNode, seenNodes } from './seen-nodes.ts'

const DEFAULT_LIMIT = 100

/** Serves the state of agent and nodes, with the figures of the blocks that are held. */
export function statusRoute(snapshot: () => Snapshot, history: History): PageRoute {
  const cached = answerCache()
  return refusingBadQueries((request) => {
    readParameters(request, [])
    const state = stateOf(snapshot())
    return cached(`${history.changes} ${JSON.stringify(state)}`, () => json(withFigures(state, history)))
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

function stateOf(snapshot: Snapshot) {
  const { version, startedAt, readiness, warnings, pushing } = snapshot
  return {
    version,
    started_at: startedAt,
    ready: readiness.ready,
    reasons: readiness.reasons,
    warnings,
    pushing_to: pushing,
    nodes: seenNodes(snapshot).map(nodeOf),
  }
}

function nodeOf(seen: SeenNode) {
  const { node, process, isUp, replay, hasFibre, probes, lastHeight, lastBlockAt, connected, wins } = seen
  return {
    node,
    pid: process.pid === 0 ? undefined : process.pid,
    executable: process.executable,
    replay,
    up: isUp,
    fibre: hasFibre,
    last_height: lastHeight,
    last_block_at: lastBlockAt,
    probes: probes.map(({ probe, attached, reason }) => ({ probe, attached, reason })),
    since_start: {
      blocks: connected,
      wins: { fibre_udp: wins.fibre_udp, bip152_cmpct: wins.bip152_cmpct, other: wins.other },
      events_lost: countLostEvents(seen),
    },
  }
}

function withFigures(state: ReturnType<typeof stateOf>, history: History) {
  return { ...state, nodes: state.nodes.map((node) => ({ ...node, held: summaryJson(summarise(history.finished(node.node))) })) }
}

function json(value: unknown): PageAnswer {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
