// Archives (cpio) that the kernel unpacks into memory when it boots.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, globSync, mkdirSync, rmSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { cached, makeWhole } from './cache.ts'
import { runProgram } from './run.ts'

type Fill = (folder: string) => Promise<void>

interface ArchiveOptions {
  /** Otherwise all files are root's. */
  readonly keepsOwners?: boolean
}

/** Archive of what a folder is filled with, made once for each version of its ingredients. */
export async function cachedArchive(
  name: string,
  ingredients: readonly (string | Buffer)[],
  fill: Fill,
  options?: ArchiveOptions,
): Promise<string> {
  const hash = createHash('sha256').update(ingredients.join('\0')).digest('hex').slice(0, 16)
  const path = cached(`${name}-${hash}.cpio`)
  if (existsSync(path)) return path
  await makeWhole(path, (unfinished) => writeArchive(unfinished, fill, options))
  for (const other of globSync(cached(`${name}-${'[0-9a-f]'.repeat(16)}.cpio`))) if (other !== path) rmSync(other)
  return path
}

/** Writes an archive that has what another one has and, after it, what a folder is filled with. */
export async function extendArchive(first: string, path: string, fill: Fill): Promise<void> {
  const second = `${path}.second`
  try {
    await writeArchive(second, fill)
    for (const [index, part] of [first, second].entries())
      await pipeline(createReadStream(part), createWriteStream(path, { flags: index ? 'a' : 'w' }))
  } finally {
    rmSync(second, { force: true })
  }
}

async function writeArchive(path: string, fill: Fill, { keepsOwners = false }: ArchiveOptions = {}): Promise<void> {
  const folder = `${path}.d`
  try {
    mkdirSync(folder)
    await fill(folder)
    const owners = keepsOwners ? [] : ['-R', '0:0']
    const script = 'to=$1; shift; find . | cpio --quiet -o -H newc "$@" >"$to"'
    await runProgram('sh', ['-c', script, 'sh', path, ...owners], { cwd: folder })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
