/** Areas of findings, in the order in which they are told. */
type Area = 'kernel' | 'libraries' | 'nodes' | 'debug log' | 'clock' | 'ports' | 'journal' | 'receivers' | 'settings'

const levels = ['ok', 'note', 'warning', 'fault'] as const
export type Level = (typeof levels)[number]

/** One thing that was looked at. */
export interface Finding {
  readonly area: Area
  /** A fault keeps the agent from measuring; a warning costs a part of it; a note tells what could not be seen, or is good to know. */
  readonly level: Level
  readonly what: string
  /** Why it matters. */
  readonly why?: string
  /** What to do. */
  readonly todo?: string
}

export function isOfLevel(level: Level): (finding: Finding) => boolean {
  return (finding) => finding.level === level
}

const MOST_LISTED = 4

/** The first of some things, and how many more there are. */
export function listed(things: readonly string[]): string {
  const shown = things.slice(0, MOST_LISTED).join(', ')
  return things.length > MOST_LISTED ? `${shown} and ${things.length - MOST_LISTED} more` : shown
}

/** The exit code that findings come to: 2 if nothing can be measured, 1 if there is a warning. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(isOfLevel('fault'))) return 2
  return findings.some(isOfLevel('warning')) ? 1 : 0
}
