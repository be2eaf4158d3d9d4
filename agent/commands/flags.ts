import type * as z from 'zod'
import { type Key, type Option, options } from '../settings/schema.ts'

/** The definition of a flag; parsing and help follow from it. */
export interface Flag {
  readonly short?: string
  /** Name of the value in the help; a flag without one is a switch, one in brackets may be left out. */
  readonly placeholder?: string
  /** A switch that `--no-…` takes back, and that may have its value spelled out. */
  readonly isNegatable?: true
  /** May be given several times; of the others the last one counts. */
  readonly many?: true
  readonly help: string
  /** Stands below the help, in brackets. */
  readonly note?: string
  /** Parses the value's text; a switch, and a value that is left out, are true. */
  readonly type?: z.ZodType
  /** A beginning that other flags have as well is theirs, as it was before there was this one. */
  readonly yields?: true
}

/** Flags by name, in the order of the help. */
export type Flags = Readonly<Record<string, Flag>>

/** Every command has these. */
export const commonFlags = {
  help: { short: 'h', help: 'Print this and exit.' },
  version: { help: 'Print the version and exit.' },
} as const satisfies Flags

/** The values of flags that a command line gives. */
export type Values<F extends Flags> = { readonly [Name in keyof F]?: ValueOf<F[Name]> }
type ValueOf<F> = F extends { many: true } ? readonly Parsed<F>[] : F extends { placeholder: `[${string}]` } ? Parsed<F> | true : Parsed<F>
type Parsed<F> = F extends { type: infer Type extends z.ZodType } ? z.output<Type> : true

/** The flag that gives a setting. */
export function flagOfSetting(key: Key): Flag {
  const { short, placeholder, help, yields } = options[key]
  const note = otherWays(options[key])
  return { ...(short && { short }), ...(yields && { yields }), ...(placeholder ? { placeholder } : { isNegatable: true }), help, note }
}

function otherWays({ default: value = '', env, alsoEnv = [], yaml }: Option): string {
  return [
    ...(value.length > 0 ? [`default ${value}`] : []),
    `environment ${[env, ...alsoEnv.map(({ name }) => name)].join(', ')}`,
    ...(yaml.length > 0 ? [`file ${yaml.join(', ')}`] : []),
  ].join('; ')
}
