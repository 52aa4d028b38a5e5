// The command line against a sandbox that is there for the tests of one file.
import { region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { makeFolder, runCommand, runProcess } from './command-line.ts'
import type { Outcome, ProcessSurroundings } from './command-line.ts'

export interface SandboxedCommands {
  sandbox: Awaited<ReturnType<typeof startWorld>>
  home: string
  environment: (accountId?: string) => Record<string, string>
  /** In a process of its own where the test needs one: as another user, or with its signals and streams. */
  holdfast: (args: readonly string[], surroundings?: ProcessSurroundings) => Promise<Outcome>
  /** Without what differs from run to run. */
  steady: (text: string) => string
}

/** A function, because files of one worker share their modules, and the sandbox ends with its file. */
export async function startSandboxedCommands(): Promise<SandboxedCommands> {
  const sandbox = await startWorld()
  const home = makeFolder()
  const environment = (accountId = vaultAccount): Record<string, string> => {
    const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(accountId)
    return {
      HOME: home,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    }
  }
  return {
    sandbox,
    home,
    environment,
    holdfast: (args, surroundings = {}) => {
      const env = { ...environment(), ...surroundings.env }
      const isProcess = surroundings.uid !== undefined || surroundings.onStart !== undefined
      return (isProcess ? runProcess : runCommand)(args, { ...surroundings, env })
    },
    steady: (text) =>
      text
        .replaceAll(sandbox.endpoint, 'http://sandbox')
        .replaceAll(home, '/home')
        .replace(/[0-7][0-9A-HJKMNP-TV-Z]{25}/g, 'ULID')
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
        .replace(/\b(\d+ min )?\d+(\.\d+)? (s|ms)\b/g, 'N s')
        .replace(/[^ ]*\/holdfast-cli-\w+/g, '/tmp'),
  }
}
