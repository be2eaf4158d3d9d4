import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** The compiler's arguments as setup.sh has them, for a source on standard input. */
const flags = /^ {2}clang (.*) -c bpf\/usdt\.bpf\.c/m.exec(readFileSync(join(root, 'setup.sh'), 'utf8'))?.[1]
const build = (input: string) => spawnSync('sh', ['-c', `clang ${flags} -x c -c - -o /dev/null`], { cwd: root, input, encoding: 'utf8' })

it('the build refuses a kernel program of which a function uses more than 48 bytes of stack, and names it', () => {
  const source = readFileSync(join(root, 'bpf/usdt.bpf.c'), 'utf8')
  expect(build(source).stderr).toBe('')
  const grown = (bytes: number) =>
    build(
      `${source}\nSEC("uprobe") int grown(void *ctx) { char room[${bytes}]; bpf_probe_read_kernel(room, sizeof(room), ctx); return room[0]; }\n`,
    )
  expect(grown(48).stderr).toBe('')
  const { status, stderr } = grown(56)
  expect(status).not.toBe(0)
  expect(stderr).toContain("stack frame size (56) exceeds limit (48) in 'grown'")
})
