import { readFileSync } from 'node:fs'

/** The version in package.json, which is one level further up from the built form. */
export function toolVersion(): string {
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
    import.meta.url,
  )
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
