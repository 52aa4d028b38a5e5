// Ends the process before any other module is loaded, because an older Node fails at their imports with a message that
// names no remedy.

/** The first minor version of each major version, as `engines` in package.json; the last one includes later majors. */
export const supportedNode: readonly (readonly [major: number, minor: number])[] = [
  [22, 21],
  [24, 12],
  [26, 0],
]

/** `invalid-input`'s exit status; core/errors.ts is not loaded yet. */
export const oldNodeStatus = 2

export function isSupportedNode(version: string): boolean {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  return (
    major > supportedNode.at(-1)![0] ||
    supportedNode.some(([needed, first]) => major === needed && minor >= first)
  )
}

export function oldNodeMessage(version: string): string {
  const needed = supportedNode.map(([major, minor]) => `${major}.${minor}`).join(', ')
  return `error: this is Node ${version}, and Holdfast needs one of ${needed} or later: put such a node first in PATH\n`
}

if (!isSupportedNode(process.versions.node)) {
  process.stderr.write(oldNodeMessage(process.versions.node))
  process.exit(oldNodeStatus)
}
