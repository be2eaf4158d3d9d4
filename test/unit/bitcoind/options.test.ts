import { describe, expect, it } from 'vitest'
import { Options } from '../../../agent/bitcoind/proc/options.ts'

const options = (words: readonly string[], file = '', settings = '{}') => Options.ofCommandLine(words).withFile(file).withSettings(settings)

describe('options of bitcoind', () => {
  it.each<[string, Options, string | undefined]>([
    ['the command line first', options(['-x=1', '-x=2'], 'x=3', '{"x":"4"}'), '2'],
    ['then settings.json', options([], 'x=3', '{"x":"4"}'), '4'],
    ['then the section of the chain', options(['-regtest'], 'x=3\n[regtest]\nx=5\nx=6\n'), '5'],
    ['then what stands above', options(['-regtest'], 'x=3\n[test]\nx=5'), '3'],
    ['a section by its prefix', options(['-chain=signet'], 'signet.x=7\nx=3'), '7'],
    ['nothing where it was taken back', options(['-nox'], 'x=3'), undefined],
    ['what is taken back and not', options(['-nox=0']), '1'],
    ['booleans and numbers of settings.json', options([], '', '{"x":true}'), '1'],
  ])('have one value: %s', (_case, given, expected) => {
    expect(given.value('x')).toBe(expected)
  })

  it.each<[string, Options, readonly string[]]>([
    ['of all places', options(['-x=1', '-x=2'], 'x=3\n[main]\nx=4', '{"x":["5","6"]}'), ['1', '2', '5', '6', '4', '3']],
    ['up to where it was taken back', options(['-x=1'], 'x=3', '{"x":false}'), ['1']],
    ['since it was taken back', options(['-x=1', '-nox', '-x=2'], 'x=3'), ['2']],
  ])('have several values: %s', (_case, given, expected) => {
    expect(given.values('x')).toEqual(expected)
  })

  it('are taken back by their negation alone', () => {
    expect(options(['-nox']).isNegated('x')).toBe(true)
    expect(options(['-x=0']).isNegated('x')).toBe(false)
    expect(options([], 'nox=1').isNegated('x')).toBe(true)
  })

  it('name the files that bitcoin.conf includes, for the chain', () => {
    const file = 'includeconf=a\n[main]\nincludeconf=b\n[test]\nincludeconf=c\n'
    expect(options([], file).includes).toEqual(['a', 'b'])
    expect(options(['-noincludeconf'], file).includes).toEqual([])
  })
})
