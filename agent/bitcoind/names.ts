import { basename } from 'node:path'

interface Named {
  readonly node: string
  readonly dataDirectory: string
}

/** Names of the nodes that the operator did not name. A name stays with its data directory for the life of the agent. */
export class Names {
  readonly #nodeName: string
  readonly #byDirectory = new Map<string, string>()

  constructor(nodeName: string) {
    this.#nodeName = nodeName
  }

  /** Names the data directories of unnamed processes that were found together. The plain name goes to one that is alone. */
  learn(directories: readonly string[], live: readonly Named[]): void {
    const together = new Set(directories)
    for (const { node, dataDirectory } of live) if (this.#byDirectory.get(dataDirectory) === node) together.add(dataDirectory)
    const isPlainNameFree = live.every(({ node }) => node !== this.#nodeName)
    for (const directory of directories) {
      if (this.#byDirectory.has(directory)) continue
      const isAlone = together.size === 1 && isPlainNameFree
      this.#byDirectory.set(directory, isAlone ? this.#nodeName : `${this.#nodeName}/${basename(directory)}`)
    }
  }

  /** The name of a data directory that was learnt. */
  of(directory: string): string {
    return this.#byDirectory.get(directory) ?? this.#nodeName
  }
}
