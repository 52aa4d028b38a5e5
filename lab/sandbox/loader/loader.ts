// Loads the sandbox: runs the Pulumi program for each layer, and turns the declared resources into a cloud.
import { HoldfastError } from '../../../core/errors.ts'
import type { Layer } from '../../../infra/config.ts'
import { recordProgram } from '../../../infra/recording.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import { readAlarmPath } from '../alarm-path/declared-resources.ts'
import type { CloudDeclaration } from '../declaration.ts'
import { readAccounts } from './declared-accounts.ts'
import type { AccountSeed } from './declared-accounts.ts'
import { readAlarms } from './declared-alarms.ts'
import { readBuckets } from './declared-buckets.ts'
import { readForeignAttachments, readKeys, readOidcProviders, readRoles } from './declared-identities.ts'
import { isEmulated } from './declared-inputs.ts'
import { exampleAccounts, exampleConfig, exampleLayers } from './example-config.ts'
import { existingRoles } from './existing-roles.ts'

export interface LoadOptions {
  /** Values of `holdfast:*` that replace those of the example configuration. */
  config?: Record<string, unknown>
  /** Whether `config` is a whole configuration, without the example's values. */
  isWhole?: boolean
  /** Layers to deploy; all by default that the configuration has accounts for. */
  layers?: readonly Layer[]
}

/**
 * @throws Pulumi's RunError if the configuration is refused; HoldfastError `internal` if the program declares
 * a resource or property that the sandbox can't represent.
 */
export async function loadDeclaration(options: LoadOptions = {}): Promise<CloudDeclaration> {
  return (await loadProgram(options)).declaration
}

let exampleCloud: Promise<CloudDeclaration> | undefined

/** A copy of the example configuration's cloud. Recorded once per process, because recording takes a second. */
export async function loadExample(): Promise<CloudDeclaration> {
  exampleCloud ??= loadDeclaration()
  return structuredClone(await exampleCloud)
}

export interface LoadedProgram {
  declaration: CloudDeclaration
  resources: RecordedResource[]
  /** As `pulumi stack output --json` prints them, by layer. */
  outputs: Partial<Record<Layer, Record<string, unknown>>>
}

/**
 * The cloud, and the recorded resources. Only the latter show protection, and resources that the sandbox
 * doesn't emulate.
 */
export async function loadProgram(options: LoadOptions = {}): Promise<LoadedProgram> {
  const config: Record<string, unknown> = {
    ...(options.isWhole === true ? {} : exampleConfig),
    ...options.config,
  }
  const detached = config['detached'] === true
  const layers = options.layers ?? layersOf(config)
  const resources: RecordedResource[] = []
  const outputs: LoadedProgram['outputs'] = {}
  for (const layer of layers) {
    const recording = await recordProgram({ ...config, layer })
    resources.push(...recording.resources)
    outputs[layer] = recording.outputs
  }
  const cloud = declareCloud(resources, {
    region: String(config['region']),
    organizationId: detached ? null : String(config['organizationId']),
    accounts: seedAccounts(config, detached),
  })
  const existing = existingRoles(config, cloud.roles)
  for (const { accountId, roleName, policy } of readForeignAttachments(resources)) {
    const role = existing.find(
      (candidate) => candidate.accountId === accountId && candidate.name === roleName,
    )
    if (role === undefined)
      throw new HoldfastError('internal', `a policy of ${roleName} is declared, but not the role`)
    role.policies.push(policy)
  }
  return { declaration: { ...cloud, roles: [...cloud.roles, ...existing] }, resources, outputs }
}

/** Without an Organization there is no layer for it, and none for production that is not in AWS. */
export function layersOf(config: Record<string, unknown>): Layer[] {
  return exampleLayers.filter((layer) => {
    if (layer === 'organization') return config['detached'] !== true
    return layer !== 'production' || hasProduction(config)
  })
}

function hasProduction(config: Record<string, unknown>): boolean {
  return (config['productionAccountId'] ?? '') !== ''
}

export interface CloudFrame {
  region: string
  organizationId: string | null
  accounts: readonly AccountSeed[]
}

/** Turns recorded resources into a cloud. Pure. */
export function declareCloud(resources: readonly RecordedResource[], frame: CloudFrame): CloudDeclaration {
  // Components, providers and stacks belong to Pulumi; every other resource belongs to an account, and is
  // emulated or listed.
  const real = resources.filter(({ type }) => !type.startsWith('holdfast:') && !type.startsWith('pulumi:'))
  return {
    accounts: readAccounts(real, frame.accounts),
    buckets: readBuckets(real, frame.region),
    roles: readRoles(real),
    oidcProviders: readOidcProviders(real),
    keys: readKeys(real, frame.region),
    alarms: readAlarms(real),
    alarmPath: readAlarmPath(real),
    organizationId: frame.organizationId,
    notEmulated: real
      .filter(({ type }) => !isEmulated(type))
      .map(({ type, name, accountId }) => ({ type, name, account: accountId ?? 'none' })),
  }
}

function seedAccounts(config: Record<string, unknown>, detached: boolean): AccountSeed[] {
  const seed = (name: string, id: unknown, member: boolean, isManagement = false): AccountSeed => ({
    id: String(id),
    name,
    member,
    isManagement,
  })
  return [
    seed('vault', config['vaultAccountId'], !detached),
    ...(hasProduction(config) ? [seed('production', config['productionAccountId'], !detached)] : []),
    ...(detached ? [] : [seed('organization', config['managementAccountId'], false, true)]),
    seed('outsider', exampleAccounts.outsider, false),
  ]
}
