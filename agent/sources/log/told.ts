import type { Tracepoint } from '../../tracepoints/define.ts'
import type { ProbeState } from '../source.ts'
import { type LogSetting, missing } from './log-settings.ts'
import type { ObservedSettings } from './observed-settings.ts'

/** Tracepoints of which debug.log tells, and the setting under which it does. */
const told: ReadonlyMap<string, LogSetting | undefined> = new Map([
  ['udp:block_reconstructed', 'bench'],
  ['udp:block_send_start', 'bench'],
  ['udp:block_coinbase', 'bench'],
  ['udp:block_race_winner', 'bench'],
  ['udp:block_race_time', 'bench'],
  ['validation:block_connected', undefined],
  ['net:block_header', undefined],
  ['net:compact_block_reconstructed', 'cmpctblock'],
])

/** Fields of `validation:block_connected` that only lines of `debug=bench` tell. */
const benchFields = ['inputs', 'durationNs']

/** Returns whether a node's log tells of a tracepoint, and if not, why. What it does not tell now it may tell once bitcoind has other settings. */
export function probeStateOf({ probe, group }: Tracepoint, settings: ObservedSettings, fault: string | undefined): ProbeState {
  if (!told.has(probe)) return { probe, offered: false, attached: false, reason: 'debug.log does not tell of it' }
  const isOfFibre = group === 'fibre'
  if (fault !== undefined) return { probe, offered: !isOfFibre || settings.isFibre, attached: false, reason: fault, refused: true }
  if (isOfFibre && !settings.isFibre)
    return { probe, offered: false, attached: false, reason: 'debug.log has no line of FIBRE', refused: true }
  const setting = settings.missing.find((name) => name === told.get(probe))
  if (setting !== undefined) return { probe, offered: true, attached: false, reason: missing(setting), refused: true }
  const lacksFields = probe === 'validation:block_connected' && settings.missing.includes('bench')
  return { probe, offered: true, attached: true, ...(lacksFields && { missingFields: benchFields }) }
}
