/*
 * Every limit at which an alert fires or a panel changes its colour. Change it here, then run `npm run generate`.
 * Blocks come at random, 144 a day: a gap of 60 min once in three days, of 90 min once in two months, of 2 h once in three years.
 */

/** Average number of blocks in a day. */
export const blocksPerDay = 144

/** A node that connects more than this many times the average number of blocks is catching up; its races then mean nothing. */
export const catchingUpFactor = 3

/** Agents that report nothing, or restart. */
export const agent = {
  /** The job under which agents are scraped; an agent that was never reached has no other mark. */
  job: 'fibre-agent',
  /** Longer than a few scrapes or pushes; the slowest usual interval is a minute. */
  silentFor: '3m',
  /** Time for which a pushed series is remembered. An agent that was removed on purpose fires until then. */
  rememberedFor: '3d',
  /** Starts within an hour that count as a crash loop. */
  restartsPerHour: 4,
} as const

/** Time since a node connected a block. */
export const noBlock = { warningSeconds: 90 * 60, criticalSeconds: 2 * 3600 } as const

/** Blocks by which a node may lag the highest of its job. */
export const behind = { blocks: 2 } as const

/** Restarts of bitcoind in an hour. */
export const flapping = { restartsPerHour: 4 } as const

/** Decided races since FIBRE last won one: at a win rate of 30 %, one run in 1,250 is that long. */
export const notWinning = { blocks: 20 } as const

/** Share of decided races that FIBRE won. */
export const winRate = { window: '24h', low: 0.5, races: 30 } as const

/** Share of connected blocks that had a race. */
export const coverage = { window: '12h', low: 0.5, blocks: 30 } as const

/** Connected blocks without a single race. */
export const silentProbes = { window: '6h', blocks: 12 } as const

/** Connected blocks of which none is sent on, by a node that has sent some before. */
export const nothingSent = { window: '6h', before: '3d', blocks: 12 } as const

/**
 * Time from the first header packet to the complete block. The median, because a window this short holds some thirty blocks: where one block
 * in twenty is slow, which is normal, every few days four of thirty are, and p90 would fire.
 */
export const reconstruction = { window: '6h', quantile: 0.5, slowSeconds: 0.1, blocks: 12 } as const
/** A single block far slower than "very slow" of the settings. `le` is a bound of the histogram. */
export const secondsLongBlock = { window: '15m', le: '2.5' } as const

/** The objective: this share of blocks within that time. It is missed while both the long and the short window are below it. */
export const objective = { le: '0.1', share: 0.9, long: '7d', short: '1d', blocks: 300 } as const

/** Time to connect a block. */
export const connection = { window: '6h', quantile: 0.9, slowSeconds: 1, blocks: 12 } as const

/** Share of compact blocks that the mempool alone completes. */
export const roundTrips = { window: '24h', low: 0.5, blocks: 30 } as const

/** Time from the first announcement to the connected block: a round trip across the world and a slow connection stay below it. */
export const announced = { window: '6h', quantile: 0.5, slowSeconds: 2, blocks: 12 } as const

/** Time by which a node connects half of the blocks later than the first node of its job. */
export const late = { window: '6h', seconds: 10 } as const

/** Window in which a node had the tracepoints of FIBRE that it has no more. */
export const lostFibre = { before: '1d' } as const

/** Window for blocks that compete, that replace others, or that do not come. */
export const chain = { window: '1h' } as const

/** Lost events, unreadable fields, errors: a single one fires. */
export const errors = { window: '30m' } as const

/** Window in which no push arrived. */
export const push = { window: '15m' } as const

/** Window for records that could not be written at once. */
export const journal = { window: '30m' } as const

/** Window for slow blocks that the webhook refuses, and for lines that the log drops. */
export const discards = { window: '30m' } as const

/**
 * The kernel's bound (adjtimex, maxerror), not a measured error. It grows by 0.5 ms a second between corrections: to one second with a poll
 * every 2,048 s, the longest of chrony and systemd-timesyncd. Two seconds mean an hour without a correction; 16 a clock that nothing corrects.
 */
export const clock = { errorSeconds: 2 } as const

/** The certificate of /metrics. Certificates of 90 days are renewed 30 days before they expire. */
export const certificate = { daysLeft: 14 } as const

/** Logs in Loki. */
export const logs = {
  /** bitcoind logs at least one line for each new block, and a gap of two hours happens once in three years. */
  silence: { window: '2h', before: '1d' },
  races: { window: '6h', blocks: 12 },
  undecoded: { window: '6h', blocks: 2 },
  disconnects: { window: '1h', count: 10 },
  secondsLongBlock: { window: '15m', milliseconds: 2500 },
  /** bitcoind drops the lines of one source location for at most an hour, then logs how many bytes that was. */
  dropped: { window: '1h' },
  faults: { window: '15m' },
} as const
