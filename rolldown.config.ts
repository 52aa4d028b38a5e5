// The published form: the commands with all that they import, so that an installation resolves nothing anew.
import { globSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'rolldown'
import type { Plugin } from 'rolldown'

const entries = [
  'restore-cli/main.ts',
  'restore-cli/restore-main.ts',
  'restore-cli/wal-push-main.ts',
  ...globSync('engine/*/*-thread.ts'),
  'infra/pulumi.ts',
  'infra/policies.ts',
]

/** A user installs it beside Holdfast, or does without it. */
const optionalPeers = /^(@cloud-copilot\/iam-simulate|@pulumi\/)/

/** Writes the licence of each package in the bundle, because every licence asks for that. */
const licences: Plugin = {
  name: 'licences',
  generateBundle(_, bundle) {
    const folders = new Set<string>()
    for (const output of Object.values(bundle)) {
      const modules = output.type === 'chunk' ? output.moduleIds : []
      for (const id of modules) {
        const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]
        if (folder !== undefined) folders.add(folder)
      }
    }
    const texts = Array.from(folders, licenceText).sort()
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENCES.txt', source: texts.join('\n\n') })
  },
}

function licenceText(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license: string
  }
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  return [`${name} ${version} (${license})`, ...texts].join('\n\n')
}

export default defineConfig({
  input: Object.fromEntries(entries.map((entry) => [entry.replace(/\.ts$/, ''), entry])),
  platform: 'node',
  external: [optionalPeers],
  // The other form of some packages calls `require` in a way that no bundler sees.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [licences],
  output: {
    dir: 'dist',
    entryFileNames: '[name].js',
    // A file that the code names relative to itself is at the same place relative to dist/engine.
    chunkFileNames: 'engine/[name]-[hash].js',
  },
})
