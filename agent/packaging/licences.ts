// Prints the licence texts of the packages in a bundle as a comment, for the launcher that goes with it: licences.ts METAFILE (esbuild's)
import { readdirSync, readFileSync } from 'node:fs'

const [metafile = ''] = process.argv.slice(2)
const { inputs } = JSON.parse(readFileSync(metafile, 'utf8')) as { readonly inputs: Readonly<Record<string, unknown>> }
const packages = new Set(Object.keys(inputs).flatMap((path) => /^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))
const byText = Map.groupBy([...packages].sort(), licenceOf)

console.log('/*! Packages in main.cjs and their licences')
for (const [text, paths] of byText) console.log(`\n${'='.repeat(80)}\n${paths.map(nameOf).join(', ')}\n${'='.repeat(80)}\n\n${text}`)
console.log('*/')

function licenceOf(path: string): string {
  const files = readdirSync(path).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
  if (files.length === 0) throw new Error(`${path} has no licence text`)
  return files
    .map((name) => readFileSync(`${path}/${name}`, 'utf8').trim().replaceAll('*/', '* /'))
    .sort()
    .join('\n\n')
}

function nameOf(path: string): string {
  const { name, version } = JSON.parse(readFileSync(`${path}/package.json`, 'utf8')) as { readonly name: string; readonly version: string }
  return `${name} ${version}`
}
