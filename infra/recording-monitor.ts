// A monitor that replaces Pulumi's engine. It reads the request itself, because the stock mock monitor passes
// only type, name and inputs, without protection, provider, parent and dependencies.
import { Region } from '@pulumi/aws/types/enums/index.js'
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks.js'
import {
  specialAssetSig,
  specialArchiveSig,
  specialSecretSig,
  specialSigKey,
  unknownValue,
} from '@pulumi/pulumi/runtime/rpc.js'
import { organizationPolicyTypes } from '../guardrails/policy.ts'
import { stateOf } from './recorded-state.ts'
import { readStackToken } from './replacement-guard.ts'

export interface RecordedResource {
  /** Pulumi's type token, e.g. `aws:s3/bucket:Bucket`. */
  type: string
  name: string
  urn: string
  /** The provider's account. Null for components, providers and the stack, which belong to no account. */
  accountId: string | null
  /** The provider's region. Null like `accountId`. */
  region: string | null
  inputs: Record<string, unknown>
  protect: boolean
  retainOnDelete: boolean
  /** URN of the parent, null for the stack. */
  parent: string | null
  /** URNs, sorted. */
  dependsOn: string[]
}

/** The part of `RegisterResourceRequest` that the monitor reads. Pulumi declares the request as `any`. */
interface RegisterRequest {
  getType(): string
  getName(): string
  getParent(): string
  getCustom(): boolean
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined
  getProtect(): boolean
  getRetainondelete(): boolean
  /** `<urn>::<id>`. */
  getProvider(): string
  getDependenciesList(): string[]
}

/** Resources of a stack before the program runs, by URN. */
export type StackResources = Record<string, { type: string; outputs: Record<string, unknown> }>

type RegisterReply = { getUrn(): string }

/** Results of the program's reads of an account, by the token of the function and its arguments. */
export type AccountReads = Readonly<
  Record<string, (args: Record<string, unknown>) => Record<string, unknown>>
>

/** A public key on P-256 that stands for the one that KMS makes. Its private key was never kept. */
const recordedPublicKey =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4rLTAZYK2Ew6LEB2I/szYOpcXlwY9h93iS0fet3hpZc7F+Es3jVOjkT6Gc6O60+hiHRaJ7MW1bpoKIGYg2cq2Q=='

/**
 * An organization that takes all policies, without delegated administrators and other policies, an account without
 * zones, and a key of KMS that stands for each new one.
 */
export const emptyAccount: AccountReads = {
  'aws:kms/getPublicKey:getPublicKey': () => ({
    publicKey: recordedPublicKey,
    publicKeyPem: `-----BEGIN PUBLIC KEY-----\n${recordedPublicKey.replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`,
  }),
  'aws:organizations/getDelegatedAdministrators:getDelegatedAdministrators': () => ({
    delegatedAdministrators: [],
  }),
  'aws:organizations/getPoliciesForTarget:getPoliciesForTarget': () => ({ ids: [] }),
  'aws:organizations/getOrganization:getOrganization': () => ({
    roots: [
      { id: 'r-recorded', policyTypes: organizationPolicyTypes.map((type) => ({ type, status: 'ENABLED' })) },
    ],
  }),
  'aws:route53/getZones:getZones': () => ({ ids: [] }),
  'aws:index/getRegions:getRegions': () => ({ names: Object.values(Region) }),
}

export class RecordingMonitor extends MockMonitor {
  readonly recorded: RecordedResource[] = []
  /**
   * Reasons why the recording is incomplete. They are collected, because Pulumi would only log a thrown
   * error.
   */
  readonly problems: string[] = []
  private readonly accounts = new Map<string, string>()
  private readonly regions = new Map<string, string>()

  constructor(before: StackResources = {}, reads: AccountReads = emptyAccount) {
    super({
      call: ({ token, inputs }) => {
        if (token === readStackToken) return { outputs: before }
        if (Object.hasOwn(reads, token)) return reads[token]!(inputs as Record<string, unknown>)
        this.problems.push(`it invokes ${token}, whose result only AWS has`)
        return {}
      },
      newResource: ({ type, name, inputs, provider }) => {
        const region = this.regions.get(urnOf(provider ?? '')) ?? null
        const { id, state } = stateOf(type, name, this.accountOf(provider), inputs as Record<string, unknown>)
        return { id, state: { ...(region === null ? {} : { region }), ...state } }
      },
    })
  }

  override registerResource(
    request: RegisterRequest,
    callback: (error: unknown, reply: unknown) => void,
  ): Promise<void> {
    return super.registerResource(request, (error: unknown, reply: unknown) => {
      if (error instanceof Error)
        this.problems.push(`${request.getType()} ${request.getName()}: ${error.message}`)
      else this.record(request, (reply as RegisterReply).getUrn())
      callback(error, reply)
    })
  }

  override readResource(
    request: RegisterRequest,
    callback: (error: unknown, reply: unknown) => void,
  ): Promise<void> {
    this.problems.push(`it reads ${request.getType()} ${request.getName()}, whose state only AWS has`)
    return super.readResource(request, callback)
  }

  private record(request: RegisterRequest, urn: string): void {
    const [type, name] = [request.getType(), request.getName()]
    const inputs = request.getObject()?.toJavaScript() ?? {}
    const accountId = this.accountOf(request.getProvider())
    this.problems.push(...findUnrecordable(inputs, `${type} ${name}`))
    if (type.startsWith('pulumi:providers:')) this.registerProvider(urn, name, inputs)
    else if (request.getCustom() && accountId === null)
      this.problems.push(`${type} ${name} has no provider that is bound to an account`)
    if (this.recorded.some((resource) => resource.urn === urn))
      this.problems.push(`${urn} is registered twice`)
    this.recorded.push({
      type,
      name,
      urn,
      accountId,
      region: this.regions.get(urnOf(request.getProvider())) ?? null,
      inputs,
      protect: request.getProtect(),
      retainOnDelete: request.getRetainondelete(),
      parent: request.getParent() === '' ? null : request.getParent(),
      dependsOn: [...request.getDependenciesList()].sort(),
    })
  }

  /** A provider's list inputs are JSON texts. Every provider has to be bound to exactly one account. */
  private registerProvider(urn: string, name: string, inputs: Record<string, unknown>): void {
    const allowed: unknown =
      typeof inputs['allowedAccountIds'] === 'string' ? JSON.parse(inputs['allowedAccountIds']) : undefined
    if (typeof inputs['region'] === 'string') this.regions.set(urn, inputs['region'])
    if (Array.isArray(allowed) && allowed.length === 1 && typeof allowed[0] === 'string')
      this.accounts.set(urn, allowed[0])
    else this.problems.push(`the provider ${name} isn't bound to one account by allowedAccountIds`)
  }

  private accountOf(provider: string | undefined): string | null {
    return this.accounts.get(urnOf(provider ?? '')) ?? null
  }
}

/** Pulumi refers to a provider by `<urn>::<id>`. */
function urnOf(provider: string): string {
  return provider.split('::').slice(0, -1).join('::')
}

/**
 * Rejects secrets and unknowns, because they have no plain value, and a proof without them would be
 * incomplete.
 */
function findUnrecordable(value: unknown, where: string): string[] {
  if (value === unknownValue) return [`${where} depends on a value that only a deployment knows`]
  if (Array.isArray(value))
    return value.flatMap((item, index) => findUnrecordable(item, `${where}[${index}]`))
  if (typeof value !== 'object' || value === null) return []
  const signature = (value as Record<string, unknown>)[specialSigKey]
  if (signature === specialSecretSig) return [`${where} is a secret`]
  // The recording keeps a file's path only, because the object's key holds the SHA-256 of the content.
  if (signature === specialAssetSig && 'path' in value) return []
  if (signature === specialAssetSig || signature === specialArchiveSig)
    return [`${where} is a text or an archive of Pulumi's own`]
  return Object.entries(value).flatMap(([key, item]) => findUnrecordable(item, `${where}.${key}`))
}
