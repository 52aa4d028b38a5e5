// Runs operations of Pulumi's own engine on one stack, whose program and provider are the caller's.
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { stringify } from 'yaml'

export interface EngineStep {
  readonly operation: string
  readonly urn: string
}

export interface EngineMessage {
  readonly severity: string
  readonly text: string
  readonly urn?: string
}

export interface EngineResult {
  /** Empty if the operation succeeded. */
  readonly error: string
  /** Numbers of resources by operation: `create`, `same`, `update`, `delete` … */
  readonly changes: Readonly<Record<string, number>>
  readonly steps: readonly EngineStep[]
  readonly messages: readonly EngineMessage[]
  readonly durationMs: number
}

export type Operation = 'up' | 'preview' | 'destroy'

export interface OperationOptions {
  /** Changes without a preview before. */
  skipPreview?: boolean
  /** Deletes protected resources too. */
  ignoreProtect?: boolean
  refresh?: boolean
  /** Directory of a policy pack for Node. */
  policyPack?: string
}

export interface EngineSetup {
  /** Directory of the engine's binary and the language host. */
  binaries: string
  /** Directory of Pulumi.yaml. */
  project: string
  /** The port of the provider of `aws`. */
  port: number
  /** Directory for states and configurations. */
  folder: string
}

/** No operation of these stacks takes longer. */
const timeoutMs = 180_000

export class EngineStack {
  private readonly setup: EngineSetup
  readonly name: string

  constructor(name: string, setup: EngineSetup) {
    this.name = name
    this.setup = setup
    mkdirSync(setup.folder, { recursive: true })
  }

  get stateFile(): string {
    return join(this.setup.folder, `${this.name}.state.json`)
  }

  forget(): void {
    rmSync(this.stateFile, { force: true })
  }

  /** The resources in the state, as the engine keeps them. */
  state(): { urn: string; type: string; protect?: boolean; outputs?: Record<string, unknown> }[] {
    const state = JSON.parse(readFileSync(this.stateFile, 'utf8')) as {
      deployment: { resources?: { urn: string; type: string; protect?: boolean }[] }
    }
    return state.deployment.resources ?? []
  }

  /**
   * A program that starts the pack for the engine. The CLI's language host does that in later versions, and ours has no
   * such call (docs/adr/0051-engine-without-its-cli.md).
   */
  private launcherOf(policyPack: string): string {
    const runner = createRequire(import.meta.url).resolve('@pulumi/pulumi/cmd/run-policy-pack')
    const launcher = join(this.setup.folder, 'start-policy-pack')
    const command = `cd ${quoted(policyPack)} && exec node ${quoted(runner)} "$1" .`
    writeFileSync(launcher, `#!/bin/sh\n${command}\n`, { mode: 0o700 })
    return launcher
  }

  /** @param config by full key, e.g. `holdfast:layer`, with plain values as in a `Pulumi.STACK.yaml` */
  run(
    operation: Operation,
    config: Readonly<Record<string, unknown>>,
    options: OperationOptions = {},
  ): Promise<EngineResult> {
    const settings = join(this.setup.folder, `Pulumi.${this.name}.yaml`)
    writeFileSync(settings, stringify({ config }))
    const flags = [
      ['operation', operation],
      ['project', this.setup.project],
      ['stack', this.name],
      ['config', settings],
      ['state', this.stateFile],
      ['skip-preview', options.skipPreview === true],
      ['ignore-protect', options.ignoreProtect === true],
      ['refresh', options.refresh === true],
      ['policy-pack', options.policyPack === undefined ? '' : this.launcherOf(options.policyPack)],
    ].map(([name, value]) => `-${name}=${value}`)
    return runEngine(join(this.setup.binaries, 'pulumi-engine'), flags, {
      PATH: `${this.setup.binaries}:${process.env['PATH']}`,
      HOME: this.setup.folder,
      PULUMI_HOME: this.setup.folder,
      PULUMI_DEBUG_PROVIDERS: `aws:${this.setup.port}`,
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      ...(process.env['NODE_COMPILE_CACHE'] === undefined
        ? {}
        : { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }),
    })
  }
}

/** Within single quotes of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function runEngine(
  program: string,
  flags: readonly string[],
  env: Record<string, string>,
): Promise<EngineResult> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      flags,
      { env, timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024 },
      (_error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout) as EngineResult)
        } catch {
          reject(
            new Error(`the engine ended without a result:\n${stderr.slice(-4000)}${stdout.slice(-2000)}`),
          )
        }
      },
    )
  })
}
