import { constants, copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Puts the agent into a folder as its package would, with a Node.js of its own. Returns the command to run it, for any user. */
export function installAgent(folder: string): readonly [node: string, bundle: string] {
  mkdirSync(folder)
  const node = join(folder, 'node')
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE)
  for (const file of ['agent.cjs', 'main.cjs', 'main.cjs.cache', 'usdt.bpf.o']) copyFileSync(join(root, 'dist', file), join(folder, file))
  for (const module of ['koffi', '@koromix'])
    cpSync(join(root, 'node_modules', module), join(folder, 'node_modules', module), { recursive: true })
  return [node, join(folder, 'agent.cjs')]
}
