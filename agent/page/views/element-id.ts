import { hash } from 'node:crypto'

/** The id of an element that stands for something: the same in each life of the agent, whatever the names hold. */
export function idOf(...names: readonly string[]): string {
  return `i${hash('sha1', names.join('\n')).slice(0, 12)}`
}
