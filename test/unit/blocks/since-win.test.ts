import { expect, it } from 'vitest'
import type { Target } from '../../../agent/bitcoind/watch.ts'
import { openPage } from '../metrics/page.ts'
import { BIP152, connected, FIBRE, timesAre, winnerIs } from './events.ts'

let blocks = 0
const raced = (winner: string) => {
  const hash = `hash ${blocks++}`
  return [connected(hash), winnerIs(hash, winner), timesAre(hash, 2, 1)]
}

async function startRaces() {
  const page = await openPage()
  const sinceWin = async () => {
    const series = (await page.scrape()).series('fibre_blocks_since_win')
    return Object.fromEntries(series.map(({ labels, value }) => [labels.mechanism, value]))
  }
  return { ...page, sinceWin }
}

it('is not known before the first race', async () => {
  const { hit, sinceWin } = await startRaces()
  hit(connected('mined here'))
  expect(await sinceWin()).toEqual({})
})

it('rises with each block that the other mechanism wins and falls to 0 with a win', async () => {
  const { hit, sinceWin } = await startRaces()
  hit(...raced(FIBRE))
  expect(await sinceWin()).toEqual({ fibre_udp: 0, bip152_cmpct: 1 })
  for (let i = 0; i < 10; i++) hit(...raced(BIP152))
  expect(await sinceWin()).toEqual({ fibre_udp: 10, bip152_cmpct: 0 })
  hit(...raced(FIBRE))
  expect(await sinceWin()).toEqual({ fibre_udp: 0, bip152_cmpct: 1 })
})

it('rises for both with a block that neither wins', async () => {
  const { hit, sinceWin } = await startRaces()
  hit(...raced(FIBRE), ...raced('n/a'))
  expect(await sinceWin()).toEqual({ fibre_udp: 1, bip152_cmpct: 2 })
})

it('does not rise with blocks that come without a race', async () => {
  const { hit, sinceWin, nodes } = await startRaces()
  hit(...raced(BIP152))
  for (let i = 0; i < 100; i++) hit(connected(`catching up ${i}`))
  nodes.tick()
  expect(await sinceWin()).toEqual({ fibre_udp: 1, bip152_cmpct: 0 })
})

it('lasts through a restart of bitcoind', async () => {
  const { hit, sinceWin, nodes } = await startRaces()
  const target = (pid: number): Target => ({
    node: 'n',
    pid,
    parent: 1,
    startTicks: pid,
    executable: '/usr/bin/bitcoind',
    dataDirectory: '/',
    chainDirectory: '/',
    uid: 0,
    identity: '',
  })
  nodes.processStarted(target(1))
  hit(...raced(BIP152), ...raced(BIP152))
  nodes.processExited(target(1))
  nodes.processStarted(target(2))
  hit(...raced(BIP152))
  expect(await sinceWin()).toEqual({ fibre_udp: 3, bip152_cmpct: 0 })
})
