// What `pulumi up` runs: one layer of Holdfast's infrastructure, as the stack's configuration says.
import * as pulumi from '@pulumi/pulumi'
import { isHoldfastError } from '../core/errors.ts'
import { readConfig } from './config-reader.ts'
import { parseConfigValue } from './config-values.ts'
import { deployOrganizationLayer } from './organization-layer.ts'
import { deployProductionLayer } from './production-layer.ts'
import { assertVaultStays } from './replacement-guard.ts'
import { deployVaultLayer } from './vault-layer.ts'
import type { HoldfastConfig } from './config.ts'

const namespace = 'holdfast:'

export default async function deploy(): Promise<Record<string, unknown>> {
  try {
    const config = readConfig(rawConfig(), Date.now())
    await assertVaultStays(config)
    return deployLayer(config)
  } catch (error) {
    // A RunError is shown without a stack trace: whoever mistyped an account's id needs none.
    if (isHoldfastError(error)) throw new pulumi.RunError(`${error.message}\nHINT: ${error.hint}`)
    throw error
  }
}

function deployLayer(config: HoldfastConfig): Record<string, unknown> {
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
  // All keys of the project, not only the known ones: a key that was mistyped must not be taken for its default.
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(namespace))
      raw[key.slice(namespace.length)] = parseConfigValue(key.slice(namespace.length), text)
  }
  return raw
}
