import { describe, expect, it } from 'vitest'
import { coinbaseText, decodeCoinbase } from '../../../agent/blocks/coinbase.ts'
import { poolTags } from '../../../agent/blocks/pool-tags.ts'
import { poolOf as poolOfDecoded } from '../../../agent/blocks/pools.ts'

const poolOf = (scriptSig: string | undefined) => poolOfDecoded(decodeCoinbase(scriptSig))

/** A coinbase's script, in hex: height 840000, text, and bytes that are none. */
const script = (text: string) =>
  Buffer.concat([Buffer.from('0340d10c', 'hex'), Buffer.from(text), Buffer.from('fabe6d6d00ff', 'hex')]).toString('hex')

describe('the pool of a block', () => {
  it.each([
    // The coinbase of block 840,000.
    ['0340d10c192f5669614254432f4d696e6564206279206275636b32312f2cfabe6d6d', 'ViaBTC'],
    [script('/Foundry USA Pool #dropgold/'), 'Foundry USA'],
    [script('Mined by AntPool  ab'), 'AntPool'],
    [script('/F2Pool/p\u0000'), 'F2Pool'],
    [script('七彩神仙鱼'), 'F2Pool'],
  ])('is told by its tag: %s', (scriptSig, pool) => {
    expect(poolOf(scriptSig)).toBe(pool)
  })

  it('is unknown where no tag is known, and not known where there is no coinbase', () => {
    expect(poolOf(script('somebody else'))).toBe('unknown')
    expect(poolOf('017e00')).toBe('unknown')
    expect(poolOf('')).toBe('unknown')
    expect(poolOf(undefined)).toBeUndefined()
  })

  it('has tags of which each leads to it', () => {
    const led = Object.entries(poolTags).flatMap(([pool, tags]) => tags.map((tag) => [pool, poolOf(script(tag))]))
    for (const [pool, found] of led) expect(found).toBe(pool)
  })
})

describe('what is readable in a coinbase', () => {
  it.each([
    [script('/ViaBTC/Mined by buck21/'), '/ViaBTC/Mined by buck21/'],
    [script('one\u0000tag1\u0001two2'), 'tag1 two2'],
    [script('<b>\u001b[31mred</b>'), '[31mred</b>'],
    [script('\u202Eevil text\u202C'), 'evil text'],
    [script('é七彩神仙鱼'), 'é七彩神仙鱼'],
    ['ff'.repeat(100), undefined],
    ['017e00', undefined],
    ['', undefined],
    ['zz', undefined],
    [undefined, undefined],
  ])('%s is %s', (scriptSig, text) => {
    expect(coinbaseText(decodeCoinbase(scriptSig))).toBe(text)
  })
})
