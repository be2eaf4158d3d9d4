/** A series that a query in PromQL names, with the labels that it matches. */
export interface Selected {
  readonly name: string
  readonly labels: readonly string[]
}

/** The series and labels of a query in PromQL, found by just enough of its grammar. */
export function namesIn(expr: string): { readonly series: readonly Selected[]; readonly grouped: readonly string[] } {
  const grouped: string[] = []
  const series: Selected[] = []
  const bare = expr
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|on|ignoring|without|group_left|group_right) ?\(([^)]*)\)/g, (_, labels: string) => {
      grouped.push(...labels.split(',').flatMap((label) => label.trim() || []))
      return ' '
    })
  for (const [, name = '', matchers = ''] of bare.matchAll(/([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?(?!\w|:|\s*\()/g)) {
    if (['and', 'or', 'unless', 'bool', 'offset'].includes(name)) continue
    series.push({ name, labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label) })
  }
  return { series, grouped }
}
