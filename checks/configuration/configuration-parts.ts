// The parts of a vault's configuration that a run compares. Each part is read once in a run, and one that can't be read
// doesn't keep the others from being compared.
import { HoldfastError } from '../../core/errors.ts'
import type { ExpectedState } from './expected-state.ts'
import { describeSubscriptions } from './subscription-names.ts'
import type { Subscription } from './subscription-names.ts'

/** The port to what the account has now. */
export interface LiveConfiguration {
  /** The settings of a bucket that it can read. */
  readonly settings: readonly string[]
  /** As JSON; null if the bucket has none. @throws as the service. */
  readSetting(bucket: string, setting: string): Promise<unknown>
  /**
   * The same fields as the expected role, but for its source.
   * @throws as the service; `not-found` for a role that is gone.
   */
  readRole(arn: string): Promise<unknown>
  /** The kinds of resources on the way of an alarm that it can read. */
  readonly kinds: readonly string[]
  /** The same fields as the expected resource. @throws as the service; `not-found` for one that is gone. */
  readResource(kind: string, location: ResourceLocation): Promise<Record<string, unknown>>
}

export interface ResourceLocation {
  region: string
  names: Readonly<Record<string, string>>
}

export type PartKind = 'setting' | 'role' | 'resource'

export interface ConfigurationPart {
  kind: PartKind
  /** The setting of the bucket, the ARN of the role, or the kind and the names of the resource. */
  name: string
  /** Null: it concerns every source. */
  source: string | null
  expected: unknown
  read: () => Promise<unknown>
}

/** @throws `invalid-input` if the expected state doesn't have the bucket. */
export function configurationParts(
  { buckets, roles, resources }: ExpectedState,
  bucket: string,
  live: LiveConfiguration,
): ConfigurationPart[] {
  const settings = buckets[bucket]
  if (settings === undefined)
    throw new HoldfastError('invalid-input', `the expected state has no bucket ${bucket}`, {
      hint: 'pass the file `expected.json` of the toolkit of this vault',
    })
  return [
    ...Object.entries(settings).map(([setting, expected]) => ({
      kind: 'setting' as const,
      name: setting,
      source: null,
      expected,
      read: once(() => {
        if (live.settings.includes(setting)) return live.readSetting(bucket, setting)
        throw unsupported(`the setting ${setting}`)
      }),
    })),
    ...Object.entries(roles).map(([arn, { source, ...expected }]) => ({
      kind: 'role' as const,
      name: arn,
      source,
      expected,
      read: once(() => live.readRole(arn)),
    })),
    ...Object.entries(resources).map(([name, { kind, region, names, expected }]) => ({
      kind: 'resource' as const,
      name,
      source: null,
      expected,
      read: once(async () => {
        if (live.kinds.includes(kind)) return comparable(await live.readResource(kind, { region, names }))
        throw unsupported(`a ${kind}`)
      }),
    })),
  ]
}

function comparable(resource: Record<string, unknown>): unknown {
  const { subscriptions } = resource
  if (subscriptions === undefined) return resource
  return { ...resource, subscriptions: describeSubscriptions(subscriptions as Subscription[]) }
}

function unsupported(subject: string): HoldfastError {
  return new HoldfastError('unsupported-format', `this program can't read ${subject}`, {
    hint: 'update holdfast',
  })
}

/** Every caller gets the same result or the same error. */
function once(read: () => Promise<unknown>): () => Promise<unknown> {
  let result: Promise<unknown> | null = null
  return async () => (result ??= read())
}
