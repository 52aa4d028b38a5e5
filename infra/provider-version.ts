// The version of @pulumi/aws that a program brings. An older one lacks resources that we declare, and the program
// would end in the middle of a deployment, with an error that names neither.
import { createRequire } from 'node:module'
import { HoldfastError } from '../core/errors.ts'

/** As the peer dependency in package.json. */
export const oldestProviderVersion = '7.48.0'

/** @throws HoldfastError `invalid-input` if @pulumi/aws is older than the resources that the program declares. */
export function assertProviderVersion(version: string = readProviderVersion()): void {
  if (compareVersions(version, oldestProviderVersion) >= 0) return
  throw new HoldfastError(
    'invalid-input',
    `@pulumi/aws ${version} is older than ${oldestProviderVersion}, and lacks resources that the program declares`,
    { hint: `run \`npm install @pulumi/aws@^${oldestProviderVersion}\`` },
  )
}

function readProviderVersion(): string {
  const { version } = createRequire(import.meta.url)('@pulumi/aws/package.json') as { version: string }
  return version
}

/** Major, minor and patch; a pre-release counts as its release. */
function compareVersions(version: string, base: string): number {
  const [first, second] = [version, base].map((text) => text.split(/[.+-]/).slice(0, 3).map(Number))
  return first!.map((part, index) => part - second![index]!).find((difference) => difference !== 0) ?? 0
}
