/** A sample of the metrics page. */
export interface ScrapedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

type Labels = Readonly<Record<string, string>>

/** A metrics page, read anew by the text format's rules and not by the code that wrote it. */
export class Scrape {
  readonly text: string
  readonly samples: readonly ScrapedSample[]

  constructor(text: string) {
    this.text = text
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(parseSample)
  }

  /** Samples of that name whose labels include these. */
  series(name: string, labels: Labels = {}): readonly ScrapedSample[] {
    const wanted = Object.entries(labels)
    return this.samples.filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
  }

  /** The value of the one such sample; `undefined` if there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const found = this.series(name, labels)
    if (found.length > 1) throw new Error(`${found.length} samples of ${name} with ${JSON.stringify(labels)}`)
    return found[0]?.value
  }

  /** The sum over all such samples. */
  sum(name: string, labels: Labels = {}): number {
    return this.series(name, labels).reduce((sum, { value }) => sum + value, 0)
  }
}

function parseSample(line: string): ScrapedSample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (!match) throw new Error(`not a sample: ${line}`)
  const [, name = '', inner = '', value = ''] = match
  const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, unquoted(text)])
  return { name, labels: Object.fromEntries(labels), value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }
}

const unquoted = (text: string) => text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
