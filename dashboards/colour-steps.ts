import {
  type DynamicConfigValue,
  MappingType,
  type Threshold,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { colours } from './panel.ts'

/** Good from this value on, low before. */
export const goodFrom = (value: number): readonly Threshold[] => [
  { value: null, color: colours.low },
  { value, color: colours.good },
]

/** Good up to here, and from this value on it is not. */
export const badFrom = (value: number, critical?: number): readonly Threshold[] => [
  { value: null, color: colours.good },
  { value, color: critical === undefined ? colours.bad : colours.low },
  ...(critical === undefined ? [] : [{ value: critical, color: colours.bad }]),
]

/** A count that has to be zero. */
export const badIfAny: readonly Threshold[] = badFrom(1)

/** What 1 and 0 mean. */
export const upOrDown = (up: string, down: string): readonly ValueMapping[] => [
  {
    type: MappingType.ValueToText,
    options: { '1': { text: up, color: colours.good, index: 0 }, '0': { text: down, color: colours.bad, index: 1 } },
  },
]

/** Colours a table's cells by these steps, or by what their values are mapped to. */
export const colouredBy = (steps?: readonly Threshold[]): readonly DynamicConfigValue[] => [
  { id: 'custom.cellOptions', value: { type: 'color-text' } },
  ...(steps ? [{ id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps } }] : []),
]
