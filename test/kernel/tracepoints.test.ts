import { spawnSync } from 'node:child_process'
import { beforeEach, describe, expect, it } from 'vitest'
import { requiredProbes } from '../../agent/tracepoints/index.ts'
import { attachable } from '../demo-node/demo-node.ts'
import { bundle } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { stage, startNode } from '../harness/stage.ts'

beforeEach(requireBpf)

const list = (...words: readonly string[]) => spawnSync(process.execPath, [bundle, 'tracepoints', ...words], { encoding: 'utf8' })

describe('tracepoints', () => {
  it('lists those of a binary and of a process, with their arguments and what they are used for', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    const [ofFile, ofProcess] = [list(bitcoind), list(`${node.pid}`)]
    expect(ofFile.status).toBe(0)
    const [heading, count, ...rest] = ofFile.stdout.split('\n')
    expect(heading).toMatch(new RegExp(`^${bitcoind} \\((x86-64|arm64)\\)$`))
    expect(count).toMatch(new RegExp(`^ {2}\\d+ tracepoints, of which the agent uses ${attachable.length}$`))
    expect(rest.join('\n')).toMatch(/^ {2}validation:block_connected( \(\d+ places\))?\n {4}used: .+\n {6}\w+ +\w+ +\d bytes? +\S/m)
    expect(ofProcess.stdout.split('\n').slice(1)).toEqual(ofFile.stdout.split('\n').slice(1))
    expect(ofProcess.stdout).toMatch(new RegExp(`^pid ${node.pid}: ${bitcoind} of root \\(`))
    expect(ofProcess.status).toBe(0)
  })

  it('lists those of each bitcoind that runs, under a heading', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    expect(list().stdout).toMatch(new RegExp(`^pid ${node.pid}: ${bitcoind} of root \\(.*\\)\n {2}\\d+ tracepoints`, 'm'))
  })

  it('prints JSON', () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const { status, stdout } = list('--json', bitcoind)
    const { binaries, used } = JSON.parse(stdout)
    expect(binaries).toMatchObject([{ executable: bitcoind, missing: [] }])
    expect(binaries[0].tracepoints).toContainEqual(
      expect.objectContaining({
        probe: 'validation:block_connected',
        used: true,
        arguments: expect.arrayContaining([expect.objectContaining({ name: 'blockHash', where: expect.any(String), bytes: 8 })]),
      }),
    )
    expect(used.map(({ probe }: { probe: string }) => probe)).toEqual(expect.arrayContaining([...requiredProbes]))
    expect(status).toBe(0)
  })

  it('says that a binary has none', () => {
    const { status, stdout } = list('/bin/sleep')
    expect(stdout).toMatch(/^\/bin\/sleep \(.*\)\n {2}has no tracepoints: it was built without USDT tracing\n$/)
    expect(status).toBe(1)
    expect(list('/nonexistent')).toMatchObject({ status: 1, stderr: expect.stringMatching(/^fibre-agent: \/nonexistent does not exist/) })
    expect(list('4194304')).toMatchObject({ status: 1, stderr: 'fibre-agent: there is no process 4194304\n' })
  })
})
