// One EC2 request while the sandbox serves it: its parameters, its account, and its permissions.

import { ec2Keys } from '../condition-keys/ec2.ts'
import type { Ec2Resource } from '../condition-keys/ec2.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { ServiceHost, ServiceRequest } from '../protocol/service.ts'
import type { Form } from './form.ts'
import type { Storage, StorageKind, StorageStore } from './volumes.ts'

export class Ec2Call {
  readonly host: ServiceHost
  readonly store: StorageStore
  readonly request: ServiceRequest
  readonly form: Form
  readonly accountId: string
  readonly region: string

  constructor(host: ServiceHost, store: StorageStore, request: ServiceRequest, form: Form) {
    this.host = host
    this.store = store
    this.request = request
    this.form = form
    this.accountId = request.principal.accountId ?? ''
    this.region = request.signature.region ?? 'us-east-1'
  }

  /**
   * Throws NotFound unless `id` is a volume or snapshot of the caller's account and region; a malformed id
   * has an error of its own.
   */
  find(kind: StorageKind, id: string): Storage {
    const storage = this.store.find(kind, id, this.accountId, this.region)
    if (storage !== null) return storage
    const pattern = kind === 'volume' ? /^vol-[0-9a-f]{8,17}$/ : /^snap-[0-9a-f]{8,17}$/
    const shown = JSON.stringify(id.slice(0, 64)).slice(1, -1)
    if (!pattern.test(id))
      throw new AwsError(
        400,
        `Invalid${kind === 'volume' ? 'ParameterValue' : 'SnapshotID.Malformed'}`,
        `Value (${shown}) for parameter ${kind}Id is invalid. Expected: '${kind === 'volume' ? 'vol' : 'snap'}-...'.`,
      )
    throw new AwsError(
      400,
      kind === 'volume' ? 'InvalidVolume.NotFound' : 'InvalidSnapshot.NotFound',
      `The ${kind} '${shown}' does not exist.`,
    )
  }

  arn(kind: StorageKind, id: string): string {
    // Snapshots have no account in their ARN:
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    return `arn:aws:ec2:${this.region}:${kind === 'snapshot' ? '' : this.accountId}:${kind}/${id}`
  }

  /** Throws UnauthorizedOperation unless the action is allowed on each of the resources. */
  async allow(action: string, resources: readonly Ec2Resource[]): Promise<void> {
    for (const resource of resources) {
      const decision = await this.host.authorize(this.request, {
        action,
        resource: resource.arn,
        resourceAccountId: this.accountId,
        resourcePolicy: null,
        context: ec2Keys(resource, this.region),
      })
      if (!decision.allowed)
        throw new AwsError(403, 'UnauthorizedOperation', 'You are not authorized to perform this operation.')
    }
    if (this.form.get('DryRun')?.toLowerCase() === 'true')
      throw new AwsError(412, 'DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
  }
}
