import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** The demo node's own source; the headers lie beside it. */
export const demoNodeSource = join(import.meta.dirname, 'demo-node.c')

/** Builds a demo node that is not the usual one: `-DOLDER` has seven tracepoints, `-DNO_UDP` one, as a stock node. */
export function compileDemoNode(path: string, ...flags: readonly string[]): string {
  execFileSync('clang', ['-O2', '-g', '-Wall', '-Wextra', '-Werror', '-pthread', ...flags, demoNodeSource, '-o', path, '-lm'])
  return path
}
