/** A name that may be meant, and how a message shows it: not at all where its source has none. */
export interface Name {
  readonly spelling: string
  readonly shown: string | undefined
}

/** Ends a complaint about an unknown name with the one that was probably meant. */
export function didYouMean(name: string, names: readonly Name[]): string {
  const meant = names
    .map(({ spelling, shown }) => ({ shown, edits: editDistance(plain(name), plain(spelling)), limit: Math.min(3, spelling.length / 2) }))
    .filter(({ shown, edits, limit }) => shown && edits <= limit)
    .sort((a, b) => a.edits - b.edits)[0]
  return meant ? `; did you mean ${meant.shown}?` : ''
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '')
}

/** Levenshtein's distance: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
