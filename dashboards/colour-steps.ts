import {
  type DynamicConfigValue,
  MappingType,
  type Threshold,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { colours } from './panel.ts'

/** Green from this value on, yellow below it. */
export const goodFrom = (value: number): readonly Threshold[] => [
  { value: null, color: colours.low },
  { value, color: colours.good },
]

/** Green below this value; from it on red, or yellow up to a second value that is critical. */
export const badFrom = (value: number, critical?: number): readonly Threshold[] => [
  { value: null, color: colours.good },
  { value, color: critical === undefined ? colours.bad : colours.low },
  ...(critical === undefined ? [] : [{ value: critical, color: colours.bad }]),
]

/** Red unless the count is zero. */
export const badIfAny: readonly Threshold[] = badFrom(1)

/** Texts and colours for 1 and 0. */
export const upOrDown = (up: string, down: string): readonly ValueMapping[] => [
  {
    type: MappingType.ValueToText,
    options: { '1': { text: up, color: colours.good, index: 0 }, '0': { text: down, color: colours.bad, index: 1 } },
  },
]

/** Colours the cells of a table by these steps, or by the mapping of their values. */
export const colouredBy = (steps?: readonly Threshold[]): readonly DynamicConfigValue[] => [
  { id: 'custom.cellOptions', value: { type: 'color-text' } },
  ...(steps ? [{ id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps } }] : []),
]
