import { type Finding, isOfLevel, type Level } from './finding.ts'

const marks: Readonly<Record<Level, { readonly mark: string; readonly colour: number }>> = {
  ok: { mark: 'ok', colour: 32 },
  note: { mark: 'note', colour: 36 },
  warning: { mark: 'warning', colour: 33 },
  fault: { mark: 'FAULT', colour: 31 },
}
const MARK_COLUMNS = 9

/** Lays findings out for people, under the name of their area. */
export function* reportLines(findings: readonly Finding[], isColoured: boolean): Generator<string> {
  let area: string | undefined
  for (const finding of findings) {
    if (finding.area !== area) yield `${area === undefined ? '' : '\n'}${finding.area}\n`
    area = finding.area
    const { mark, colour } = marks[finding.level]
    const padded = mark.padEnd(MARK_COLUMNS)
    yield `  ${isColoured ? `\u001b[${colour}m${padded}\u001b[0m` : padded}${finding.what}\n`
    for (const line of [finding.why && `why: ${finding.why}`, finding.todo && `do:  ${finding.todo}`])
      if (line) yield `  ${' '.repeat(MARK_COLUMNS)}${line}\n`
  }
  yield `\n${verdict(findings)}\n`
}

function verdict(findings: readonly Finding[]): string {
  const [faults, warnings] = (['fault', 'warning'] as const).map((level) => findings.filter(isOfLevel(level)).length) as [number, number]
  const counts = [`${faults} fault${faults === 1 ? '' : 's'}`, `${warnings} warning${warnings === 1 ? '' : 's'}`].join(', ')
  if (faults > 0) return `The agent cannot measure with these settings: ${counts}.`
  return warnings > 0 ? `The agent can measure, with limits: ${counts}.` : 'The agent can measure.'
}
