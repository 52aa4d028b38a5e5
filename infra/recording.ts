// Runs the very program that `pulumi up` runs, against a monitor that writes down what it is asked to create. The
// program doesn't know: it gets its configuration as from an engine, and its resources get the ids and ARNs AWS would give.
import { setAllConfig } from '@pulumi/pulumi/runtime/config.js'
import { disconnect, setMockOptions } from '@pulumi/pulumi/runtime/settings.js'
import { runInPulumiStack } from '@pulumi/pulumi/runtime/stack.js'
import * as state from '@pulumi/pulumi/runtime/state.js'
import { HoldfastError } from '../core/errors.ts'
import deploy from './main.ts'
import { RecordingMonitor } from './recording-monitor.ts'
import type { RecordedResource, StackResources } from './recording-monitor.ts'

export type { RecordedResource } from './recording-monitor.ts'

export interface Recording {
  /** The stack's name; the layer's. */
  stack: string
  /** Sorted by URN. */
  resources: RecordedResource[]
  outputs: Record<string, unknown>
}

// Marked as internal, and left out of the declarations: the Automation API runs programs in one process by it, as this does.
const { withLocalStorage } = state as unknown as {
  withLocalStorage: <T>(run: () => Promise<T>) => Promise<T>
}

/**
 * Runs share a few globals of Pulumi's: await one before the next.
 * @param config values of `holdfast:*` by key, without the namespace, as a stack's configuration would hold them
 * @param program what `infra/main.ts` exports, unless it is the recorder itself that is tried
 * @param before what the stack holds already, as Pulumi's own provider tells it
 * @throws Pulumi's RunError if the configuration is refused; HoldfastError `internal` if the program asks for something
 * that can't be recorded: an unknown, a secret, an invoke, a resource without the provider of one account.
 */
export async function recordProgram(
  config: Record<string, unknown>,
  program: () => unknown = deploy,
  before: StackResources = {},
): Promise<Recording> {
  const stack = typeof config['layer'] === 'string' && config['layer'] !== '' ? config['layer'] : 'unnamed'
  const monitor = new RecordingMonitor(before)
  const failures: unknown[] = []
  const outputs = await withLocalStorage(async () => {
    setMockOptions(monitor, 'holdfast', stack, false, 'organization')
    setAllConfig(
      Object.fromEntries(Object.entries(config).map(([key, value]) => [`holdfast:${key}`, toText(value)])),
    )
    // Caught inside: Pulumi hangs several promises on a stack, and the failure of each would end the process.
    const result = await runInPulumiStack(() =>
      Promise.resolve()
        .then(program)
        .catch((error: unknown) => void failures.push(error)),
    )
    // Registrations run on after the program has returned: this waits for the last of them.
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
