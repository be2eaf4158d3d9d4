import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import type { Target } from '../../agent/bitcoind/watch.ts'
import type { EbpfSource } from '../../agent/sources/ebpf/ebpf.ts'
import type { Tracepoint } from '../../agent/tracepoints/define.ts'
import type { TracepointEvent } from '../../agent/tracepoints/index.ts'
import type { DemoNode } from '../demo-node/demo-node.ts'
import { checkout } from '../harness/agent.ts'

const log = pino({ level: 'error' }, pino.destination(2))

/** Loads a module of the agent that is measured, which may be that of another checkout. */
export const load = <Module>(path: string): Promise<Module> => import(join(checkout, 'agent', path))

/** Opens a source of these tracepoints in this process. */
export async function openSource(tracepoints: readonly Tracepoint[]): Promise<EbpfSource> {
  const { openEbpf } = await load<typeof import('../../agent/sources/ebpf/ebpf.ts')>('sources/ebpf/ebpf.ts')
  const image = readFileSync(join(checkout, 'dist/usdt.bpf.o'))
  return openEbpf({ image, ringSize: 8 << 20, tracepoints, log })
}

/** Measures a node in this process as the agent does, and tells of each event once its metrics are recorded. */
export async function openMeasuring(node: DemoNode, onRecorded: (event: TracepointEvent) => void): Promise<AsyncDisposable> {
  const { openTelemetry } = await load<typeof import('../../agent/metrics/otel/telemetry.ts')>('metrics/otel/telemetry.ts')
  const { Nodes } = await load<typeof import('../../agent/nodes/nodes.ts')>('nodes/nodes.ts')
  const { toMetrics } = await load<typeof import('../../agent/outputs.ts')>('outputs.ts')
  const { tracepoints } = await load<typeof import('../../agent/tracepoints/index.ts')>('tracepoints/index.ts')
  const telemetry = await openTelemetry({ version: 'bench', port: 0, openLabelLimit: 0, log })
  const source = await openSource(tracepoints)
  const nodes = new Nodes(source, [toMetrics(telemetry, source), { event: onRecorded }], { log })
  source.start(nodes)
  nodes.processStarted(await targetOf(node))
  return {
    async [Symbol.asyncDispose]() {
      await nodes.close()
      await telemetry.close(1000)
      source.close()
    },
  }
}

export async function targetOf({ pid }: DemoNode): Promise<Target> {
  const { readProcess } = await load<typeof import('../../agent/bitcoind/proc/proc.ts')>('bitcoind/proc/proc.ts')
  const process = readProcess('/proc', pid)
  if (process === undefined) throw new Error(`demo node ${pid} has ended`)
  return { ...process, node: 'demo' }
}
