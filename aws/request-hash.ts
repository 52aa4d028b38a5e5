// Node's SHA-256 in the form that the SDK's signer takes: the signer has no hash of its own.
import { createHash, createHmac } from 'node:crypto'
import type { SignatureV4 } from '@smithy/signature-v4'

type HashClass = ConstructorParameters<typeof SignatureV4>[0]['sha256']
type Data = Parameters<InstanceType<HashClass>['update']>[0]

export class RequestHash {
  private readonly hash

  constructor(secret?: Data) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array)
  }

  update(data: Data): void {
    this.hash.update(data as Uint8Array)
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest())
  }

  /** @throws always: a signer makes a new hash for each request. */
  reset(): never {
    throw new Error('a hash can be used only once')
  }
}
