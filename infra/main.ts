// The program of `pulumi up`, which start.js loads: reads the stack's configuration and deploys one layer of Holdfast's
// infrastructure.
//
// A stack deploys one of three layers, each to its own account, with its own deployer and its own state:
//
// - organization-layer.ts: control policies and units, in the management account
// - vault-layer.ts: the locked buckets, the vault's roles, alarms and scheduled checks, in the vault's account
// - production-layer.ts: agents, break-glass and delayed deletion, in the production account
//
// Each layer combines the Pulumi components of components/ with the policies of guardrails/. All three layers
// read the same configuration (config.ts), and names follow from it (guardrails/names.ts), so no layer reads
// another layer's state. recording.ts runs this program without AWS and lists its resources, for the sandbox,
// the proof and the tests.
import * as pulumi from '@pulumi/pulumi'
import { isHoldfastError } from '../core/errors.ts'
import { readConfig } from './config-reader.ts'
import { parseConfigValue } from './config-values.ts'
import { mergeFile } from './shared-file.ts'
import { deployOrganizationLayer } from './organization-layer.ts'
import { deployProductionLayer } from './production-layer.ts'
import { assertProviderVersion } from './provider-version.ts'
import { assertVaultStays } from './replacement-guard.ts'
import { deployVaultLayer } from './vault-layer.ts'
import type { HoldfastConfig } from './config.ts'

const namespace = 'holdfast:'

export default async function deploy(): Promise<Record<string, unknown>> {
  try {
    assertProviderVersion()
    const config = readConfig(mergeFile(rawConfig(), pulumi.getStack()), Date.now())
    await assertVaultStays(config)
    return await deployLayer(config)
  } catch (error) {
    // Pulumi shows a RunError without a stack trace, which wouldn't help with a mistake in the configuration.
    if (isHoldfastError(error)) throw new pulumi.RunError(`${error.message}\nHINT: ${error.hint}`)
    if (Error.stackTraceLimit === 0 && error instanceof Error)
      error.message += '\nHINT: run it again with HOLDFAST_STACK_TRACES=1, which shows where this happened'
    throw error
  }
}

async function deployLayer(config: HoldfastConfig): Promise<Record<string, unknown>> {
  switch (config.layer) {
    case 'organization':
      return deployOrganizationLayer(config)
    case 'vault':
      return deployVaultLayer(config)
    case 'production':
      return deployProductionLayer(config)
  }
}

function rawConfig(): Record<string, unknown> {
  const raw: Record<string, unknown> = {}
  // Includes unknown keys, because a mistyped key must fail instead of leaving the real key at its default.
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(namespace))
      raw[key.slice(namespace.length)] = parseConfigValue(key.slice(namespace.length), text)
  }
  return raw
}
