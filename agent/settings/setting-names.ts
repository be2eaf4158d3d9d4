import { type Key, keys, type Option, options } from './schema.ts'
import type { Name } from './suggest.ts'

/** The names of settings, shown in the spelling of one source. */
export function settingNames(spell: (option: Option) => string | undefined): readonly Name[] {
  return keys.flatMap((key) => spellings(key).map((spelling) => ({ spelling, shown: spell(options[key]) })))
}

/** The flag's, the variable's and the file's name count alike: --metrics-port means --port. */
function spellings(key: Key): readonly string[] {
  const { flag, env, yaml } = options[key]
  return [flag, env.replace('FIBRE_', ''), ...yaml]
}
