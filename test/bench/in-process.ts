import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { readProcess } from '../../agent/bitcoind/proc/proc.ts'
import type { Target } from '../../agent/bitcoind/watch.ts'
import { openTelemetry } from '../../agent/metrics/otel/telemetry.ts'
import { Nodes } from '../../agent/nodes/nodes.ts'
import { toMetrics } from '../../agent/outputs.ts'
import { type EbpfSource, openEbpf } from '../../agent/sources/ebpf/ebpf.ts'
import type { Tracepoint } from '../../agent/tracepoints/define.ts'
import { type TracepointEvent, tracepoints } from '../../agent/tracepoints/index.ts'
import type { DemoNode } from '../demo-node/demo-node.ts'

const log = pino({ level: 'error' }, pino.destination(2))

/** Opens a source of these tracepoints in this process. */
export function openSource(tracepoints: readonly Tracepoint[]): EbpfSource {
  const image = readFileSync(join(import.meta.dirname, '../../dist/usdt.bpf.o'))
  return openEbpf({ image, ringSize: 8 << 20, tracepoints, log })
}

/** Measures a node in this process as the agent does, and tells of each event once its metrics are recorded. */
export async function openMeasuring(node: DemoNode, onRecorded: (event: TracepointEvent) => void): Promise<AsyncDisposable> {
  const telemetry = await openTelemetry({ version: 'bench', port: 0, openLabelLimit: 0, log })
  const source = openSource(tracepoints)
  const nodes = new Nodes(source, [toMetrics(telemetry, source), { event: onRecorded }], { log })
  source.start(nodes)
  nodes.processStarted(targetOf(node))
  return {
    async [Symbol.asyncDispose]() {
      await nodes.close()
      await telemetry.close(1000)
      source.close()
    },
  }
}

export function targetOf({ pid }: DemoNode): Target {
  const process = readProcess('/proc', pid)
  if (process === undefined) throw new Error(`demo node ${pid} has ended`)
  return { ...process, node: 'demo' }
}
