import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Path of a configuration as it is shipped. */
export const shipped = (name: string) => join(import.meta.dirname, '../../collector', name)

/** Writes a configuration with what an operator has to fill in. Fails where there is no such place any more. */
export function fillIn(name: string, path: string, places: readonly (readonly [place: RegExp, content: string])[]): string {
  const filled = places.reduce(
    (text, [place, content]) => {
      if (!place.test(text)) throw new Error(`${name} has nothing like ${place}`)
      return text.replace(place, content)
    },
    readFileSync(shipped(name), 'utf8'),
  )
  writeFileSync(path, filled)
  return path
}
