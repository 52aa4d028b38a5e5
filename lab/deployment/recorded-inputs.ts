// The recorded inputs of a resource, as the checks against published schemas take them.
import { specialAssetSig, specialSigKey } from '@pulumi/pulumi/runtime/rpc.js'

export interface RecordedInputs {
  readonly urn: string
  /** Pulumi's type token, e.g. `aws:s3/bucket:Bucket`. */
  readonly type: string
  readonly inputs: Readonly<Record<string, unknown>>
}

/** Types and name, without stack and project. */
export function recordedWhere({ urn }: RecordedInputs): string {
  return urn.split('::').slice(2).join('::')
}

/** The path of a file that is the content of an object, or null. */
export function recordedPath(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null
  const { [specialSigKey]: signature, path } = value as Record<string, unknown>
  return signature === specialAssetSig && typeof path === 'string' ? path : null
}
