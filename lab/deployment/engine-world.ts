// The world of a run under Pulumi's engine: the provider that records, and stacks whose states lie in one folder.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineStack } from './engine.ts'
import { RecordingProvider } from './recording-provider.ts'
import type { ProviderCall } from './recording-provider.ts'
import type { AccountReads } from '../../infra/recording-monitor.ts'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** Where .ci/install-pulumi-engine puts the engine and its language host. */
const binaries = process.env['GOBIN'] ?? join(homedir(), 'go/bin')

export interface WorldOptions {
  reads?: AccountReads
  refuse?: (call: ProviderCall) => Promise<string | null>
}

export interface EngineWorld {
  readonly folder: string
  readonly provider: RecordingProvider
  stack: (name: string, project?: string) => EngineStack
  stop: () => void
}

export async function startEngineWorld(options: WorldOptions = {}): Promise<EngineWorld> {
  for (const name of ['pulumi-engine', 'pulumi-language-nodejs'])
    if (!existsSync(join(binaries, name)))
      throw new Error(`there is no ${join(binaries, name)}: run .ci/install-pulumi-engine first`)
  const { version } = createRequire(import.meta.url)('@pulumi/aws/package.json') as { version: string }
  const { provider, port, stop } = await RecordingProvider.start({ ...options, version })
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-engine-'))
  mkdirSync(join(folder, 'home'))
  return {
    folder,
    provider,
    stack: (name, project = repository) =>
      new EngineStack(name, { binaries, project, port, folder: join(folder, 'home') }),
    stop: () => {
      stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The keys of `pulumi config`. */
export function withNamespace(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [`holdfast:${key}`, value]))
}
