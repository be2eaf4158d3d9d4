/*
 * Every limit at which an alert fires and a panel changes its colour. Change it here, then `npm run generate`.
 * Blocks come at random, 144 a day: a gap of 60 min once in three days, of 90 min once in two months, of 2 h once in three years.
 */

/** Blocks that a day has on average. */
export const blocksPerDay = 144

/** More than so many times the blocks that a window has on average: the node is catching up, and what is said of races means nothing. */
export const catchingUpFactor = 3

/** An agent that reports nothing. */
export const agent = {
  /** The job of agents: one that was never reached is known by nothing else. */
  job: 'fibre-agent',
  /** Longer than a few scrapes or pushes, of which the slowest usual ones come each minute. */
  silentFor: '3m',
  /** A pushed series is remembered for so long; an agent that was taken away on purpose is an alert until then. */
  rememberedFor: '3d',
  /** Starts in an hour that are a crash loop. */
  restartsPerHour: 4,
} as const

/** Time since a node connected a block. */
export const noBlock = { warningSeconds: 90 * 60, criticalSeconds: 2 * 3600 } as const

/** Blocks by which a node may lag the highest of its job. */
export const behind = { blocks: 2 } as const

/** Restarts of bitcoind in an hour. */
export const flapping = { restartsPerHour: 4 } as const

/** Blocks with a decided race since FIBRE won one: at a win rate of 30 % one run in 1,250 is that long. */
export const notWinning = { blocks: 20 } as const

/** Share of decided races that FIBRE won. */
export const winRate = { window: '24h', low: 0.5, races: 30 } as const

/** Share of connected blocks that had a race. */
export const coverage = { window: '12h', low: 0.5, blocks: 30 } as const

/** Blocks that connect while not one race is seen. */
export const silentProbes = { window: '6h', blocks: 12 } as const

/** Blocks that connect while none is sent on, by a node that has sent some. */
export const nothingSent = { window: '6h', before: '3d', blocks: 12 } as const

/**
 * First header packet to complete block. The median, for a window this short holds some thirty blocks: where one in twenty is slow, which is
 * no fault, four of those thirty are every few days, and would be a slow p90.
 */
export const reconstruction = { window: '6h', quantile: 0.5, slowSeconds: 0.1, blocks: 12 } as const
/** One block that stands out, far beyond what agent, journal and page call very slow. `le` is a bound of the histogram. */
export const secondsLongBlock = { window: '15m', le: '2.5' } as const

/** The objective: this share of blocks within that time. Missed where the long window is below it and the short one is, too: still. */
export const objective = { le: '0.1', share: 0.9, long: '7d', short: '1d', blocks: 300 } as const

/** Time to connect a block. */
export const connecting = { window: '6h', quantile: 0.9, slowSeconds: 1, blocks: 12 } as const

/** Anything at all is too much. */
export const errors = { window: '30m' } as const

/** Pushes of which not one arrived. */
export const pushing = { window: '15m' } as const

/** Records that could not be written at once. */
export const journal = { window: '30m' } as const

/** What is given up: slow blocks that the webhook refuses, lines that the log does not take. */
export const dropping = { window: '30m' } as const

/**
 * What adjtimex says is no measured error but grows by 0.5 ms a second between corrections: with a poll each 2,048 s, the longest of
 * chrony's and systemd-timesyncd's own, to a second. Two seconds are an hour without a correction; 16 is a clock that nobody corrects.
 */
export const clock = { errorSeconds: 2 } as const

/** The certificate of the metrics page. Those of 90 days are renewed 30 days before. */
export const certificate = { daysLeft: 14 } as const

/** Logs in Loki. */
export const logs = {
  /** At the least there is a line for each new block, and a gap of two hours is one in three years. */
  silence: { window: '2h', before: '1d' },
  races: { window: '6h', blocks: 12 },
  undecoded: { window: '6h', blocks: 2 },
  disconnects: { window: '1h', count: 10 },
  secondsLongBlock: { window: '15m', milliseconds: 2500 },
  /** bitcoind drops the lines of one place in its source for an hour at most, then says how much that was. */
  dropped: { window: '1h' },
  faults: { window: '15m' },
} as const
