import { type PathColour, pathStyles } from '../agent/blocks/path-styles.ts'
import { colours } from './panel.ts'

/** Grafana's names of the colours of paths. */
const grafanaColours: Readonly<Record<PathColour, string>> = {
  fibre: colours.fibre,
  compact: colours.compact,
  'compact light': `light-${colours.compact}`,
  'compact dark': `dark-${colours.compact}`,
  other: colours.both,
  plain: colours.other,
  unknown: '#c3ccd8',
}

/** No record and no metric has blocks that were caught up with. */
const { caught_up, ...styles } = pathStyles

/** Text and colour of each path. */
export const paths = Object.fromEntries(
  Object.entries(styles).map(([path, { name, colour }]) => [path, { text: name, color: grafanaColours[colour] }]),
)
