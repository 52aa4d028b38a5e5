// A monitor in place of Pulumi's engine. The stock mock monitor hands over type, name and inputs only; protection,
// provider, parent and dependencies are in the request, so that is read here.
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks.js'
import {
  specialAssetSig,
  specialArchiveSig,
  specialSecretSig,
  specialSigKey,
  unknownValue,
} from '@pulumi/pulumi/runtime/rpc.js'
import { stateOf } from './recorded-state.ts'
import { readStackToken } from './replacement-guard.ts'

export interface RecordedResource {
  /** Pulumi's type token, e.g. `aws:s3/bucket:Bucket`. */
  type: string
  name: string
  urn: string
  /** Of the provider; null for what exists in no account: components, providers, the stack. */
  accountId: string | null
  /** Of the provider; null like `accountId`. */
  region: string | null
  inputs: Record<string, unknown>
  protect: boolean
  retainOnDelete: boolean
  /** URN of the parent, null for the stack. */
  parent: string | null
  /** URNs, sorted. */
  dependsOn: string[]
}

/** The part of `RegisterResourceRequest` that is read here; Pulumi declares the request as `any`. */
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

export class RecordingMonitor extends MockMonitor {
  readonly recorded: RecordedResource[] = []
  /** What can't be recorded. Thrown errors would end up in Pulumi's log only. */
  readonly problems: string[] = []
  private readonly accounts = new Map<string, string>()
  private readonly regions = new Map<string, string>()

  constructor(before: StackResources = {}) {
    super({
      call: ({ token }) => {
        if (token === readStackToken) return { outputs: before }
        this.problems.push(`it invokes ${token}, whose answer only AWS has`)
        return {}
      },
      newResource: ({ type, name, inputs, provider }) =>
        stateOf(type, name, this.accountOf(provider), inputs as Record<string, unknown>),
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
    if (this.recorded.some((resource) => resource.urn === urn)) this.problems.push(`${urn} is there twice`)
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

  /** A provider's inputs are lists in JSON: a provider that may work in more than one account is bound to none. */
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

/** A provider is referred to by `<urn>::<id>`. */
function urnOf(provider: string): string {
  return provider.split('::').slice(0, -1).join('::')
}

/** Secrets, unknowns and files have no plain value: a recording that left them out would prove too little. */
function findUnrecordable(value: unknown, where: string): string[] {
  if (value === unknownValue) return [`${where} depends on what is only known after a deployment`]
  if (Array.isArray(value))
    return value.flatMap((item, index) => findUnrecordable(item, `${where}[${index}]`))
  if (typeof value !== 'object' || value === null) return []
  const signature = (value as Record<string, unknown>)[specialSigKey]
  if (signature === specialSecretSig) return [`${where} is a secret`]
  // A file's name is kept; what is in it is for whoever names it to say, by a hash in the key.
  if (signature === specialAssetSig && 'path' in value) return []
  if (signature === specialAssetSig || signature === specialArchiveSig)
    return [`${where} is a text or an archive of Pulumi's own`]
  return Object.entries(value).flatMap(([key, item]) => findUnrecordable(item, `${where}.${key}`))
}
