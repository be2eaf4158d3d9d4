/** Settings of bitcoind without which its debug.log tells less. `doctor` and /ready name them. */
export const logSettings = {
  bench: { setting: 'debug=bench', without: 'debug.log has no races, no reconstructions by FIBRE, and no durations of connecting' },
  cmpctblock: {
    setting: 'debug=cmpctblock',
    without: 'debug.log does not tell which blocks came as compact blocks, and how these were reconstructed',
  },
  net: { setting: 'debug=net', without: 'debug.log does not tell which blocks came whole, nor from which peers blocks came, and when' },
  micros: {
    setting: 'logtimemicros=1',
    without: 'events have the time at which the agent read their lines, some ms late, within the second that the line tells',
  },
  timestamps: { setting: 'logtimestamps=1', without: 'events have the time at which the agent read their lines, some ms late' },
} as const

export type LogSetting = keyof typeof logSettings

/** Says in one sentence which setting is missing, and what that costs. */
export function missing(name: LogSetting): string {
  const { setting, without } = logSettings[name]
  return `${setting} is missing in bitcoin.conf: ${without}`
}
