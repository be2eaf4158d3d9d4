// Runs a bundle and writes what V8 compiled of it beside it, for the launcher: code-cache.cjs BUNDLE [ARGUMENT ...]
// Node.js needs the options here that the launcher has.
const { readFileSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const { Script } = require('node:vm')

const [filename] = process.argv.splice(2, 1)
const script = new Script(readFileSync(filename, 'latin1'), { filename })
process.on('exit', () => writeFileSync(`${filename}.cache`, script.createCachedData()))
script.runInThisContext()({}, require, { exports: {} }, filename, dirname(filename))
