import {
  blocksSinceWin,
  connectionTime,
  coverage,
  increase,
  quantile,
  races,
  reconstructionTime,
  winRate,
  withoutRoundTrip,
} from '../expressions.ts'
import { metric } from '../names.ts'
import type { Alert } from '../rule.ts'
import * as thresholds from '../thresholds.ts'
import { hasFibre } from './node.ts'
import { hasBlocks } from './windows.ts'

const { notWinning, silentProbes, nothingSent, secondsLongBlock, roundTrips, announced, late } = thresholds

const reconstructed = (window: string) => increase('fibre_block_reconstruction_duration_seconds_count', { window })

const height = `max by (job, node) (${metric('fibre_last_block_height')})`
/** Time at which each node connected the highest block of its job; nodes that do not have it yet are left out. */
const tipConnectedAt = `(max by (job, node) (${metric('fibre_last_block_connected_timestamp_seconds')}) and ${height} == on (job) group_left () max by (job) (${height}))`
const behindFirst = `${tipConnectedAt} - on (job) group_left () min by (job) (${tipConnectedAt})`

/** Alerts about the delivery, reconstruction and connection of blocks. */
export const blockAlerts: readonly Alert[] = [
  {
    alert: 'FibreNotWinning',
    expr: `max by (job, node) (${blocksSinceWin()}) >= ${notWinning.blocks}`,
    severity: 'warning',
    summary: 'FIBRE brings {{ $labels.node }} no blocks',
    description: 'Compact blocks won the last {{ $value }} races of {{ $labels.node }}.',
  },
  {
    alert: 'FibreProbesSilent',
    expr: `${hasBlocks(silentProbes.window, silentProbes.blocks)}\nand ${races(silentProbes)} == 0\nand ${hasFibre}`,
    // A node that was off connects the blocks that it missed without a race; the next new block has one.
    for: '1h',
    severity: 'warning',
    summary: 'No races of {{ $labels.node }} are seen',
    description: `{{ $labels.node }} connected {{ $value | printf "%.0f" }} blocks in ${silentProbes.window}, and there was no race for a single one.`,
  },
  {
    alert: 'FibreNothingSent',
    // Only a node that has sent before: one without FIBRE peers to send to never does.
    expr: [
      hasBlocks(nothingSent.window, nothingSent.blocks),
      `and ${increase('fibre_blocks_sent_total', nothingSent)} == 0`,
      `and ${increase('fibre_blocks_sent_total', { window: nothingSent.before })} >= ${nothingSent.blocks}`,
    ].join('\n'),
    for: '1h',
    severity: 'warning',
    summary: '{{ $labels.node }} no longer sends blocks on',
    description: `{{ $labels.node }} connected {{ $value | printf "%.0f" }} blocks in ${nothingSent.window} and sent none of them through FIBRE. It used to.`,
  },
  {
    alert: 'FibreWinRateLow',
    expr: `${winRate(thresholds.winRate)} < ${thresholds.winRate.low}\nand ${races(thresholds.winRate)} >= ${thresholds.winRate.races}`,
    for: '1h',
    severity: 'info',
    summary: 'FIBRE brings {{ $labels.node }} {{ $value | humanizePercentage }} of its blocks first',
    description: `FIBRE won {{ $value | humanizePercentage }} of the races of {{ $labels.node }} in ${thresholds.winRate.window}.`,
  },
  {
    alert: 'FibreRaceCoverageLow',
    expr: `${coverage(thresholds.coverage)} < ${thresholds.coverage.low}\nand ${hasBlocks(thresholds.coverage.window, thresholds.coverage.blocks)}`,
    for: '1h',
    severity: 'info',
    summary: '{{ $value | humanizePercentage }} of the blocks of {{ $labels.node }} had a race',
    description: `In ${thresholds.coverage.window} {{ $value | humanizePercentage }} of the blocks of {{ $labels.node }} had a race: its win rate stands on few blocks.`,
  },
  {
    alert: 'FibreReconstructionSlow',
    expr: `${reconstructionTime(thresholds.reconstruction.quantile, thresholds.reconstruction)} > ${thresholds.reconstruction.slowSeconds}\nand ${reconstructed(thresholds.reconstruction.window)} >= ${thresholds.reconstruction.blocks}`,
    severity: 'warning',
    summary: 'Blocks of {{ $labels.node }} are reconstructed slowly',
    description: `Half of the blocks of {{ $labels.node }} took more than {{ $value | humanizeDuration }} to be reconstructed from chunks, in ${thresholds.reconstruction.window}.`,
  },
  {
    alert: 'FibreBlockTookSeconds',
    // Both increases are extrapolated nearly alike, so without a slow block their difference is far below one.
    expr: `${reconstructed(secondsLongBlock.window)}\n- ${increase('fibre_block_reconstruction_duration_seconds_bucket', secondsLongBlock, { le: secondsLongBlock.le })} > 0.5`,
    severity: 'info',
    summary: 'A block of {{ $labels.node }} took seconds to reconstruct',
    description: `A block of {{ $labels.node }} took more than ${secondsLongBlock.le} s from its first header packet to its last chunk.`,
  },
  {
    alert: 'FibreSlowConnect',
    expr: `${connectionTime(thresholds.connection.quantile, thresholds.connection)} > ${thresholds.connection.slowSeconds}\nand ${hasBlocks(thresholds.connection.window, thresholds.connection.blocks)}`,
    severity: 'warning',
    summary: '{{ $labels.node }} takes long to connect blocks',
    description: `One block in ten of {{ $labels.node }} took more than {{ $value | humanizeDuration }} to be checked and connected, in ${thresholds.connection.window}.`,
  },
  {
    alert: 'FibreRoundTrips',
    expr: `${withoutRoundTrip(roundTrips)} < ${roundTrips.low}\nand ${increase('bitcoin_compact_block_reconstructions_total', roundTrips)} >= ${roundTrips.blocks}`,
    for: '1h',
    severity: 'info',
    summary: 'Most compact blocks of {{ $labels.node }} need a round trip',
    description: `{{ $labels.node }} reconstructed {{ $value | humanizePercentage }} of its compact blocks from the mempool alone, in ${roundTrips.window}; the others waited for transactions.`,
  },
  {
    alert: 'FibreAnnouncedToConnectedSlow',
    expr: `${quantile(announced.quantile, 'bitcoin_block_announced_to_connected_seconds', announced)} > ${announced.slowSeconds}\nand ${increase('bitcoin_block_announced_to_connected_seconds_count', announced)} >= ${announced.blocks}`,
    for: '1h',
    severity: 'warning',
    summary: 'Blocks of {{ $labels.node }} are connected long after peers announce them',
    description: `Half of the blocks of {{ $labels.node }} were connected {{ $value | humanizeDuration }} or more after the first announcement, in ${announced.window}.`,
  },
  {
    alert: 'FibreBlocksLate',
    expr: `quantile_over_time(0.5, (${behindFirst})[${late.window}:5m]) > ${late.seconds}`,
    for: '1h',
    severity: 'warning',
    summary: 'Blocks reach {{ $labels.node }} later than other nodes',
    description: `{{ $labels.node }} connected half of the blocks {{ $value | humanizeDuration }} or more after the first node of job {{ $labels.job }}, in ${late.window}.`,
  },
  {
    alert: 'FibreReorganisation',
    // One block that is replaced is normal every few weeks, and a competing block tells of it: only those beyond the first count.
    expr: `${increase('bitcoin_reorganisation_depth_blocks_sum', thresholds.chain)}\n- ${increase('bitcoin_reorganisation_depth_blocks_count', thresholds.chain)} > 0.5`,
    severity: 'warning',
    summary: '{{ $labels.node }} changed to another branch of the chain',
    description: `Two blocks or more left the active chain of {{ $labels.node }} at once, in ${thresholds.chain.window}.`,
  },
  {
    alert: 'FibreHeaderWithoutBlock',
    expr: `${increase('bitcoin_headers_without_block_total', thresholds.chain)} > 0.5`,
    severity: 'warning',
    summary: '{{ $labels.node }} heard of a block that does not come',
    description: `A peer of {{ $labels.node }} announced a block whose header has enough work, and a minute later it had not come, in ${thresholds.chain.window}.`,
  },
  {
    alert: 'FibreCompetingBlock',
    expr: `${increase('bitcoin_competing_blocks_total', thresholds.chain)} > 0.5`,
    severity: 'info',
    summary: '{{ $labels.node }} knows two blocks at one height',
    description: `{{ $labels.node }} heard of a block at the height of another, in ${thresholds.chain.window}.`,
  },
]
