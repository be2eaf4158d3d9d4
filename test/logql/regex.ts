import { RE2JS } from 're2js'

const compiled = new Map<string, RE2JS>()

/** Compiles as Go's regexp does, which Loki uses. Throws on what it does not know, such as `(?=…)`. */
export function regex(pattern: string): RE2JS {
  const known = compiled.get(pattern) ?? RE2JS.compile(pattern)
  compiled.set(pattern, known)
  return known
}

/** Whether a whole value matches: so does Loki compare labels. */
export const matchesWhole = (pattern: string, value: string): boolean => regex(`^(?s:${pattern})$`).matcher(value).find()

/** Whether it matches anywhere: so does Loki search lines. */
export const matchesAnywhere = (pattern: string, text: string): boolean => regex(pattern).matcher(text).find()

export const groupNames = (pattern: string): readonly string[] => Object.keys(regex(pattern).namedGroups())
