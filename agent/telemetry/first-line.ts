const MOST_CHARACTERS = 200

/** The first line of what a server answered, fit for a log: short, without control characters. */
export function firstLine(text: string): string {
  const [line = ''] = text
    .replace(/[^\P{C}\n]+/gu, ' ')
    .trim()
    .split(/\s*\n/, 1)
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line
}
