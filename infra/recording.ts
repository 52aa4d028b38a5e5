// Runs the unchanged program of `pulumi up` against a monitor that records the resources instead of creating
// them. The program gets its configuration as from Pulumi's engine, and stand-ins for the ids and ARNs of
// AWS.
import { setAllConfig } from '@pulumi/pulumi/runtime/config.js'
import { disconnect, setMockOptions } from '@pulumi/pulumi/runtime/settings.js'
import { runInPulumiStack } from '@pulumi/pulumi/runtime/stack.js'
import * as state from '@pulumi/pulumi/runtime/state.js'
import { HoldfastError } from '../core/errors.ts'
import deploy from './main.ts'
import { emptyAccount, RecordingMonitor } from './recording-monitor.ts'
import type { AccountReads, RecordedResource, StackResources } from './recording-monitor.ts'

export type { RecordedResource } from './recording-monitor.ts'

export interface Recording {
  /** The stack's name, which is the layer's name. */
  stack: string
  /** Sorted by URN. */
  resources: RecordedResource[]
  outputs: Record<string, unknown>
}

// Missing in Pulumi's type declarations, which mark it as internal. The Automation API also uses it to run
// programs in one process.
const { withLocalStorage } = state as unknown as {
  withLocalStorage: <T>(run: () => Promise<T>) => Promise<T>
}

/**
 * Runs share global state of Pulumi, so await one before the next.
 * @param config the stack's values of `holdfast:*` by key, without the namespace
 * @param program the export of `infra/main.ts`, except in tests of the recorder itself
 * @param before the stack's resources before the run, as Pulumi's own provider returns them
 * @param reads what the program reads of its accounts; by default they are empty
 * @throws Pulumi's RunError if the configuration is invalid; HoldfastError `internal` if the program uses a
 * value that can't be recorded: an unknown, a secret, an invoke, or a resource without the provider of one
 * account.
 */
export async function recordProgram(
  config: Record<string, unknown>,
  program: () => unknown = deploy,
  before: StackResources = {},
  reads: AccountReads = emptyAccount,
): Promise<Recording> {
  const stack = typeof config['layer'] === 'string' && config['layer'] !== '' ? config['layer'] : 'unnamed'
  const monitor = new RecordingMonitor(before, reads)
  const failures: unknown[] = []
  const outputs = await withLocalStorage(async () => {
    setMockOptions(monitor, 'holdfast', stack, false, 'organization')
    setAllConfig(
      Object.fromEntries(Object.entries(config).map(([key, value]) => [`holdfast:${key}`, toText(value)])),
    )
    // Caught inside, because Pulumi attaches several promises to a stack, and each rejection would end the
    // process.
    const result = await runInPulumiStack(() =>
      Promise.resolve()
        .then(program)
        .catch((error: unknown) => void failures.push(error)),
    )
    // Waits for the last registration, because registrations continue after the program has returned.
    await disconnect()
    return result ?? {}
  })
  for (const failure of failures) throw failure
  if (monitor.problems.length > 0) {
    throw new HoldfastError('internal', `the program can't be recorded: ${monitor.problems.join('; ')}`)
  }
  return { stack, resources: monitor.recorded.toSorted((a, b) => (a.urn < b.urn ? -1 : 1)), outputs }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
