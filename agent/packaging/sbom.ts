import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Release } from './tree.ts'

interface Bill {
  serialNumber?: string
  metadata: { timestamp: string; component: { name: string } }
  components: { readonly name: string; readonly version: string }[]
  dependencies?: unknown
}

/**
 * Returns the bill of materials of what is shipped (CycloneDX, JSON): the packages in the bundle, by its metafile, and those
 * that stand beside it. It has the release's date, and no random number.
 */
export function billOfMaterials(root: string, { epoch }: Release): string {
  const bill = listed(root)
  const { inputs } = JSON.parse(readFileSync(join(root, 'dist/main.json'), 'utf8')) as { readonly inputs: object }
  const bundled = new Set(Object.keys(inputs).flatMap((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
  const beside = listed(join(import.meta.dirname, 'runtime')).components.filter(
    ({ name }) => !/^@koromix\/(?!koffi-linux-(x64|arm64)$)/.test(name),
  )
  bill.components = [...bill.components.filter(({ name }) => bundled.has(name)), ...beside]
  bill.metadata.timestamp = new Date(epoch * 1000).toISOString()
  bill.metadata.component.name = 'fibre-agent' // and not the name of the checkout's folder
  delete bill.serialNumber
  delete bill.dependencies // of the checkout
  return `${JSON.stringify(bill, null, 2)}\n`
}

function listed(folder: string): Bill {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
  return JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8' }))
}
