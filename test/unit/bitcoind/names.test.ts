import { beforeEach, describe, expect, it } from 'vitest'
import { Names } from '../../../agent/bitcoind/names.ts'

describe('names of nodes that the operator did not name', () => {
  let names: Names
  beforeEach(() => {
    names = new Names('relay')
  })

  /** Learns directories found together while others are live, and returns the targets that they make. */
  const name = (directories: readonly string[], live: readonly { node: string; dataDirectory: string }[] = []) => {
    names.learn(directories, live)
    return directories.map((dataDirectory) => ({ node: names.of(dataDirectory), dataDirectory }))
  }
  const nodes = (targets: readonly { node: string }[]) => targets.map(({ node }) => node)

  it('gives the plain name to a node that is alone', () => {
    expect(nodes(name(['/srv/a']))).toEqual(['relay'])
  })

  it('gives several that are found together the last part of their data directories', () => {
    expect(nodes(name(['/srv/a', '/srv/b']))).toEqual(['relay/a', 'relay/b'])
  })

  it('lets the first keep the plain name when a second comes, and after any restart of either', () => {
    const first = name(['/srv/a'])
    const second = name(['/srv/b'], first)
    expect(nodes(second)).toEqual(['relay/b'])
    expect(nodes(name(['/srv/a'], second))).toEqual(['relay'])
    expect(nodes(name(['/srv/b']))).toEqual(['relay/b'])
    expect(nodes(name(['/srv/b', '/srv/a']))).toEqual(['relay/b', 'relay'])
  })

  it('gives the plain name to a new data directory when nothing is live', () => {
    name(['/srv/a'])
    expect(nodes(name(['/srv/moved']))).toEqual(['relay'])
  })

  it('does not give the plain name while another unnamed node lives', () => {
    const both = name(['/srv/a', '/srv/b'])
    expect(nodes(name(['/srv/c'], both.slice(1)))).toEqual(['relay/c'])
  })

  it('leaves named nodes out of the count, but not their names', () => {
    expect(nodes(name(['/srv/a'], [{ node: 'east', dataDirectory: '/srv/east' }]))).toEqual(['relay'])
    expect(nodes(name(['/srv/b'], [{ node: 'relay', dataDirectory: '/srv/east' }]))).toEqual(['relay/b'])
  })
})
