// The command line against a sandbox that is there for the tests of one file.
import { region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { makeFolder, runCommand } from './command-line.ts'
import type { Outcome, Surroundings } from './command-line.ts'

export const sandbox = await startWorld()
export const home = makeFolder()

export function environment(accountId = vaultAccount): Record<string, string> {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(accountId)
  return {
    HOME: home,
    AWS_REGION: region,
    AWS_ENDPOINT_URL: sandbox.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  }
}

export function holdfast(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  return runCommand(args, { ...surroundings, env: { ...environment(), ...surroundings.env } })
}

/** Without what differs from run to run. */
export function steady(text: string): string {
  return text
    .replaceAll(sandbox.endpoint, 'http://sandbox')
    .replaceAll(home, '/home')
    .replace(/[0-7][0-9A-HJKMNP-TV-Z]{25}/g, 'ULID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/\b(\d+ min )?\d+(\.\d+)? (s|ms)\b/g, 'N s')
    .replace(/[^ ]*\/holdfast-cli-\w+/g, '/tmp')
}
