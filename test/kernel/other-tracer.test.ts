import { beforeEach, describe, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { attachedByDefault, probes, startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { formName, Listener, requireBpf, total, unattached } from '../harness/listening.ts'
import { attached, FiredCounts, processed, readiness, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { OtherTracer } from './other-tracer.ts'

beforeEach(requireBpf)

/** The agent tries again every 10 s. */
const RETRY_MS = 15_000

describe('a bitcoind that another tracer had first', () => {
  it('is not ready for that reason, which is told once, and is measured once the other has ended', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using other = new OtherTracer(node)
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await agent.logged(({ msg }) => msg === 'no tracepoint of this bitcoind could be attached')
    const { status, text } = await readiness(agent)
    expect(status).toBe(503)
    expect(text.split('\n').slice(0, -1)).toEqual(
      attachedByDefault.map(
        (probe) =>
          `localhost: ${probe} is not attached: another tracer, such as fibre_exporter or a BCC script, holds it: stop that one (attach: Invalid argument)`,
      ),
    )
    expect((await agent.scrape()).value('fibre_exporter_probes_attached')).toBe(0)

    await other.close()
    await until(async () => (await readiness(agent)).status === 200, 'the agent to be ready', RETRY_MS)
    await attached(node)
    const tally = new FiredCounts()
    tally.add(await node.command('blocks 20'))
    const scrape = await agent.scrape()
    expect(processed(scrape)).toEqual(tally.expected)
    expect(scrape.value('fibre_exporter_probes_attached')).toBe(attachedByDefault.length)
    const told = (wanted: string) => agent.log.filter(({ msg }) => msg === wanted).map(({ probe }) => probe)
    expect(told('tracepoint not attached; trying again')).toEqual(attachedByDefault)
    expect(told('tracepoint attached')).toEqual(attachedByDefault)
    expect(agent.log.filter(({ msg }) => msg.startsWith('nothing to measure'))).toEqual([])
  })
})

describe.for(forms.map((form) => [formName(form), form] as const))('a tracepoint that another tracer had first (%s)', ([, form]) => {
  const held = 'udp:block_send_start'

  it('is refused alone, and is attached later without a gap in the others', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using other = new OtherTracer(node, [held])
    await using listener = new Listener({ forms: [form] })
    const attachment = listener.attach(node)
    const refused = () => unattached(attachment)
    const reason = expect.stringMatching(/^another tracer, .* \(.*Invalid argument.*\)$/)
    expect(refused()).toEqual([{ probe: held, offered: true, attached: false, reason, refused: true }])
    attachment.retry?.()
    expect(refused()).toEqual([{ probe: held, offered: true, attached: false, reason, refused: true }])

    const firing = node.command('events 4000 4000')
    await other.close()
    attachment.retry?.()
    expect(refused()).toEqual([])
    expect(await node.command('semaphores')).toMatchObject(Object.fromEntries(probes.map((probe) => [probe, 1])))
    const { events } = await firing
    const heard = () => listener.heard.map(({ event }) => event.probe)
    const others = () => heard().filter((probe) => probe !== held).length
    await until(() => others() >= total(events) - (events[held] ?? 0), 'the events of the others')
    expect(others()).toBe(total(events) - (events[held] ?? 0))

    // Of the one itself a few may be missing: through perf events the node sees a listener a moment before the program listens.
    const before = heard().length
    const { events: later } = await node.command('blocks 10')
    await until(() => heard().length >= before + total(later), 'all later events')
    expect(
      heard()
        .slice(before)
        .filter((probe) => probe === held),
    ).toHaveLength(later[held] ?? Number.NaN)
    expect(listener.lost).toBe(0)
  })
})
