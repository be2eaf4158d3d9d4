import { describe, expect, it } from 'vitest'
import { Names, type RememberedName } from '../../../../agent/bitcoind/names/names.ts'

interface Started {
  readonly chainDirectory: string
  readonly dataDirectory: string
  readonly startTicks: number
  readonly place?: string
}

/** A process that started so many ms after boot. */
const started = (atMs: number, dataDirectory: string, chain = '', place?: string): Started => ({
  dataDirectory,
  chainDirectory: chain === '' ? dataDirectory : `${dataDirectory}/${chain}`,
  startTicks: atMs / 10,
  ...(place !== undefined && { place }),
})

/** Names that learn groups of processes, each of them found together. */
function name(groups: readonly (readonly Started[])[], options: Partial<ConstructorParameters<typeof Names>[0]> = {}) {
  const names = new Names({ nodeName: 'relay', given: [], ...options })
  for (const group of groups) names.learn(group)
  return groups.flat().map((process) => names.of(process))
}

describe('names of nodes that the operator did not name', () => {
  const [a, b, c] = [started(1_000, '/srv/a'), started(5_000, '/srv/b'), started(9_000, '/srv/c')]

  it('are the plain name for the first, and the last part of the data directory for the others', () => {
    expect(name([[a, b, c]])).toEqual(['relay', 'relay/b', 'relay/c'])
  })

  it('are the same whether the agent or the nodes were first, and in every order of finding', () => {
    for (const groups of [[[a], [b], [c]], [[a, b], [c]], [[a, c, b]], [[b, a], [c]], [[a], [c, b]]])
      expect([...new Set(name(groups))].sort()).toEqual(['relay', 'relay/b', 'relay/c'])
    expect(name([[c, b, a]])).toEqual(['relay/c', 'relay/b', 'relay'])
  })

  it('do not depend on which of two that start together is faster', () => {
    expect(name([[started(1_000, '/srv/a'), started(1_020, '/srv/b')]])).toEqual(['relay', 'relay/b'])
    expect(name([[started(1_020, '/srv/a'), started(1_000, '/srv/b')]])).toEqual(['relay', 'relay/b'])
  })

  it('stay through restarts, also when all start anew in another order', () => {
    expect(
      name([
        [a, b],
        [started(20_000, '/srv/b'), started(30_000, '/srv/a')],
      ]).slice(2),
    ).toEqual(['relay/b', 'relay'])
  })

  it('are never given to other data', () => {
    expect(name([[a], [started(20_000, '/srv/moved')], [started(30_000, '/srv/a')]])).toEqual(['relay', 'relay/moved', 'relay'])
  })

  it('tell the chains of one data directory apart, and the main one is first', () => {
    const [main, signet] = [started(1_000, '/home/sat/.bitcoin'), started(1_000, '/home/sat/.bitcoin', 'signet')]
    expect(name([[signet, main]])).toEqual(['relay/.bitcoin/signet', 'relay'])
  })

  it('tell containers with the same paths apart', () => {
    const inside = (volume: string) => started(5_000, '/data', '', volume)
    expect(name([[started(1_000, '/data'), inside('/volumes/1'), inside('/volumes/2')]])).toEqual(['relay', 'relay/data', 'relay/data~2'])
  })

  it('take more of the directory where its last part is taken', () => {
    expect(name([[a, started(5_000, '/srv/x/data'), started(6_000, '/srv/y/data')]])).toEqual(['relay', 'relay/data', 'relay/y/data'])
  })

  it('never take a name that the operator gave', () => {
    expect(name([[a, b]], { given: ['relay', 'relay/b'] })).toEqual(['relay/a', 'relay/srv/b'])
  })

  it('hold nothing that does not belong in a label, and are cut', () => {
    const [, odd, long] = name([[a, started(5_000, '/srv/x\n"{}\\ é'), started(6_000, `/srv/${'A'.repeat(100_000)}`)]])
    expect(odd).toBe('relay/x______é')
    expect(long).toHaveLength('relay/'.length + 64)
  })

  it('are remembered, whatever starts first the next time', () => {
    let kept: readonly RememberedName[] = []
    name([[a, b]], {
      keep: (names) => {
        kept = names
      },
    })
    expect(kept).toEqual([
      { directory: '/srv/a', suffix: '' },
      { directory: '/srv/b', suffix: 'b' },
    ])
    expect(name([[b], [c], [a]], { remembered: kept, nodeName: 'renamed' })).toEqual(['renamed/b', 'renamed/c', 'renamed'])
  })

  it('are bounded in number: the plain name is not forgotten', () => {
    let kept: readonly RememberedName[] = []
    const many = Array.from({ length: 2_000 }, (_, i) => [started(i * 1_000, `/srv/${i}`)])
    name(many, {
      keep: (names) => {
        kept = names
      },
    })
    expect(kept).toHaveLength(512)
    expect(kept[0]).toEqual({ directory: '/srv/0', suffix: '' })
    expect(kept.at(-1)).toEqual({ directory: '/srv/1999', suffix: '1999' })
  })
})
