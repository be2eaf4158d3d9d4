import { execFileSync } from 'node:child_process'
import { globSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The demo node's own source; it includes the headers beside and below it. */
export const demoNodeSource = join(import.meta.dirname, 'demo-node.c')

/** Builds a demo node that is not the usual one: `-DSTOCK`, `-DOLDER` and `-DCORE=23` are told of in tracepoints/probes.h. */
export function compileDemoNode(path: string, ...flags: readonly string[]): string {
  execFileSync('clang', ['-O2', '-g', '-Wall', '-Wextra', '-Werror', '-pthread', ...flags, demoNodeSource, '-o', path, '-lm'])
  return path
}

const stockDemoNode = join(import.meta.dirname, '../../dist/demo-node-stock')
const changedMs = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Returns the demo node without FIBRE, built if it is not there or its source is newer. */
export function buildStockDemoNode(building: () => void = () => {}): string {
  const sources = globSync(join(import.meta.dirname, '**/*.[ch]'))
  if (changedMs(stockDemoNode) < Math.max(...sources.map(changedMs))) {
    building()
    const path = compileDemoNode(`${stockDemoNode}.${process.pid}`, '-DSTOCK')
    renameSync(path, stockDemoNode) // a running one is left alone, and two that build do not disturb each other
  }
  return stockDemoNode
}
