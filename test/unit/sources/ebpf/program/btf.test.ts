import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../../harness/temporary.ts'
import { openLayouts } from '../kernel-structs.ts'

/** Fields of the kernel program's structs that user space reads and writes; `[]` marks arrays. */
const fields = Object.entries({
  argument: 'place type size base index scale length offset',
  spec: 'target pid tracepoint count share arguments[] recorded totals labels sums bounds measured summed[] by[]',
  label: 'argument known length step',
  record: 'stamp target tracepoint count failed share values[]',
  state: 'lost asleep_since asleep',
  text_key: 'list text[]',
  bounds: 'upper[]',
  settings: 'registers_size sleepable namespace_device namespace_inode wake_bytes',
}).flatMap(([struct, names]) => names.split(' ').map((name) => ({ struct, name: name.replace('[]', ''), isArray: name.endsWith('[]') })))

/** The program's limits and structs as plain C: what stands before its first map, and its settings. */
function structsInC(): string {
  const program = readFileSync(join(import.meta.dirname, '../../../../../bpf/usdt.bpf.c'), 'utf8')
  const shared = program.slice(program.indexOf('#define MAX_SPECS'), program.indexOf('\nstruct {'))
  return `#include <linux/types.h>\n${shared}\n${/^struct settings \{[^}]*\};/m.exec(program)?.[0]}`
}

/** Offset and size of each field, size of its elements, and size of its struct, as this machine's compiler has them. */
function compiled(): readonly string[] {
  const prints = fields.map(({ struct, name, isArray }) => {
    const field = `((struct ${struct} *)0)->${name}`
    const sizes = `__builtin_offsetof(struct ${struct}, ${name}), sizeof(${field}), sizeof(${isArray ? '*' : ''}${field}), sizeof(struct ${struct})`
    return `printf("${struct}.${name} %zu %zu %zu %zu\\n", ${sizes});`
  })
  const source = `#include <stdio.h>\n${structsInC()}\nint main(void) { ${prints.join('\n')} return 0; }`
  const program = join(temporaryDirectory(), 'layout')
  execFileSync('clang', ['-x', 'c', '-', '-o', program], { input: source })
  return execFileSync(program, { encoding: 'utf8' }).trim().split('\n')
}

it('is what a compiler makes of the structs in C', () => {
  const layoutOf = openLayouts()
  const read = fields.map(({ struct, name }) => {
    const { size, fields } = layoutOf(struct, [name])
    return `${struct}.${name} ${fields[name]?.offset} ${fields[name]?.size} ${fields[name]?.element} ${size}`
  })
  expect(read).toEqual(compiled())
})

it.each([
  ['record', 'weight'],
  ['parcel', 'weight'],
])('is refused when the program was built without %s.%s', (struct, name) => {
  const layoutOf = openLayouts()
  expect(() => layoutOf(struct, [name])).toThrow(`no field ${struct}.${name}`)
})
