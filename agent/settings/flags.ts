import { type Action, actions, type Key, keys, options } from './schema.ts'

/** A flag asks for an action, is a switch that stands for a value, or takes a value. */
export type Flag = { readonly short?: string | undefined } & (
  | { readonly kind: 'action'; readonly action: Action }
  | { readonly kind: 'switch'; readonly key: Key; readonly value: 'true' | 'false' }
  | { readonly kind: 'value'; readonly key: Key }
)

export const flags: ReadonlyMap<string, Flag> = new Map([...keys.flatMap(flagsOf), ...actionFlags()])

function flagsOf(key: Key): [string, Flag][] {
  const { flag, short, placeholder } = options[key]
  if (placeholder) return [[flag, { kind: 'value', key, short }]]
  return [
    [flag, { kind: 'switch', key, value: 'true', short }],
    [`no-${flag}`, { kind: 'switch', key, value: 'false' }],
  ]
}

function actionFlags(): [string, Flag][] {
  return Object.entries(actions).map(([action, { flag, ...rest }]) => [flag, { kind: 'action', action: action as Action, ...rest }])
}

/**
 * The flags that a name or the beginning of one may stand for; one if it is clear. argparse takes beginnings, so operators use them.
 * Where one candidate begins all others it is meant: our additions then never make an older flag's beginning ambiguous
 * (--metrics-auth-p, --conf, and --nod, since --node takes what --node-name takes). --no-wait and the like need their "no-".
 */
export function candidates(name: string): readonly string[] {
  if (flags.has(name)) return [name]
  const all = [...flags.keys()].filter((flag) => flag.startsWith(name) && (name.startsWith('no-') || !flag.startsWith('no-')))
  const shortest = all.find((flag) => all.every((other) => other.startsWith(flag)))
  return shortest ? [shortest] : all
}
