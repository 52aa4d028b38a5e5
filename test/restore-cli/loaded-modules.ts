// The modules that source files load, read from their imports.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * The files and packages that `entries` load, directly or through other files; imports of types load nothing.
 * @param withDynamic follow `import('…')` too.
 */
export function loadedBy(
  entries: readonly string[],
  { withDynamic }: { withDynamic: boolean },
): { files: string[]; packages: string[] } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const load = (file: string): void => {
    if (files.has(file)) return
    files.add(file)
    const text = readFileSync(file, 'utf8')
    const specifiers = [
      ...Array.from(text.matchAll(/^(?:import|export)(?! type) [^;]*?from '([^']+)'/gm), ([, name]) => name!),
      ...Array.from(text.matchAll(/^import '([^']+)'/gm), ([, name]) => name!),
      ...(withDynamic
        ? Array.from(text.matchAll(/\bimport\(\s*'([^']+)'\s*,?\s*\)/g), ([, name]) => name!)
        : []),
    ]
    for (const specifier of specifiers) {
      if (specifier.startsWith('.')) load(resolve(dirname(file), specifier))
      else packages.add(specifier)
    }
  }
  entries.forEach(load)
  return { files: [...files], packages: [...packages].sort() }
}
