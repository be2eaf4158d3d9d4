import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'

/** Hits, and the sums of their numbers. */
type Fired = readonly [hits: number, ...sums: readonly number[]]

export interface Load {
  readonly seconds: number
  readonly hits: number
  /** By tracepoint and label. */
  readonly totals: Readonly<Record<string, Fired>>
}

/** Builds, in a directory, a node with the tracepoints of that version of Bitcoin Core. */
export function compileStockNode(directory: string, version: number, ...flags: readonly string[]): string {
  const binary = join(directory, 'bitcoind')
  const source = join(import.meta.dirname, 'stock-node.c')
  execFileSync('clang', ['-O2', '-pthread', '-Wall', '-Wextra', '-Werror', `-DVERSION=${version}`, ...flags, source, '-o', binary])
  return binary
}

/** Builds and starts one of the newest version; its commands stand in its source. */
export const startStockNode = (directory: string): Promise<DemoNode> =>
  startDemoNode({ binary: compileStockNode(directory, 31), args: ['--control'] })

export async function load(node: DemoNode, rate: number, seconds: number): Promise<Load> {
  const command: string = `load ${rate} ${seconds}` // a demo node's has another answer
  return (await node.command(command)) as Load
}

/** Fires one hit for each line. */
export async function fire(node: DemoNode, ...hits: readonly string[]): Promise<void> {
  for (const hit of hits) await node.command(`fire ${hit}`)
}
