import { copyFileSync, existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeWhole } from './cache.ts'
import { type Arch, debianArch, type Machine } from './machines.ts'
import { apt, download, type Suite, unpack } from './packages.ts'

/** File of the kernel of a machine, unpacked once. */
export async function kernelOf({ arch, suite }: Machine): Promise<string> {
  const [archive] = await download(arch, suite, [await kernelPackage(arch, suite)])
  if (archive === undefined) throw new Error(`${suite} has no file of its kernel for ${arch}`)
  const kernel = `${archive.replace(/\.deb$/, '')}.vmlinuz`
  if (!existsSync(kernel))
    await makeWhole(kernel, async (unfinished) => {
      const folder = `${unfinished}.d`
      try {
        await unpack([archive], folder)
        const [file] = globSync('{boot,usr/lib/modules/*}/vmlinuz*', { cwd: folder })
        if (file === undefined) throw new Error(`${archive} has no kernel in it`)
        copyFileSync(join(folder, file), unfinished)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  return kernel
}

/** The package of a suite's present kernel that the kernel itself is in. Before Linux 7 that is the one with the modules too. */
async function kernelPackage(arch: Arch, suite: Suite): Promise<string> {
  const debian = debianArch[arch]
  const plan = await apt([`-oAPT::Architecture=${debian}`, 'install', '--simulate', '-t', suite, `linux-image-cloud-${debian}:${debian}`])
  const packages = [...plan.matchAll(/^Inst (linux-(binary|image)-\d[^ :]*)/gm)].map(([, name]) => name as string)
  const name = packages.find((name) => name.startsWith('linux-binary-')) ?? packages[0]
  if (name === undefined) throw new Error(`${suite} has no kernel for ${debian}`)
  return name
}
