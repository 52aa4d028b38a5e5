// Reads EC2's query protocol: a form with dotted names.

import { AwsError } from '../protocol/aws-error.ts'

export type Form = ReadonlyMap<string, string>

const maxParameters = 5000

export function parseForm(text: string): Form {
  const form = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (form.size >= maxParameters)
      throw new AwsError(400, 'MalformedQueryString', 'The query string contains too many parameters.')
    form.set(name, value)
  }
  return form
}

/** The values of `VolumeId.1`, `VolumeId.2`, … in the order of their numbers. */
export function listOf(form: Form, name: string): string[] {
  const entries: { at: number; value: string }[] = []
  for (const [parameter, value] of form) {
    const number = parameter.startsWith(`${name}.`) ? parameter.slice(name.length + 1) : ''
    if (/^\d{1,5}$/.test(number)) entries.push({ at: Number(number), value })
  }
  return entries.sort((a, b) => a.at - b.at).map(({ value }) => value)
}

/** The members `name.1.…`, `name.2.…`, each as a form of its own. */
export function groupsOf(form: Form, name: string): Form[] {
  const groups = new Map<number, Map<string, string>>()
  for (const [parameter, value] of form) {
    const match = parameter.startsWith(`${name}.`)
      ? /^(\d{1,5})\.(.+)$/.exec(parameter.slice(name.length + 1))
      : null
    if (match?.[1] === undefined || match[2] === undefined) continue
    const at = Number(match[1])
    groups.set(at, (groups.get(at) ?? new Map<string, string>()).set(match[2], value))
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group)
}

export function requireParameter(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined || value === '')
    throw new AwsError(400, 'MissingParameter', `The request must contain the parameter ${name}`)
  return value
}

/** The tags in `Tag.N.Key` and `Tag.N.Value`. */
export function tagsOf(form: Form): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>
  for (const tag of groupsOf(form, 'Tag')) {
    const key = requireParameter(tag, 'Key')
    if (key.length > 127 || key.startsWith('aws:'))
      throw new AwsError(
        400,
        'InvalidParameterValue',
        `Tag keys starting with 'aws:' are reserved for internal use`,
      )
    tags[key] = (tag.get('Value') ?? '').slice(0, 256)
  }
  return tags
}

/** The tags of the resource that a create call makes. */
export function createTagsOf(form: Form, resourceType: string): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>
  for (const specification of groupsOf(form, 'TagSpecification')) {
    const type = specification.get('ResourceType') ?? ''
    if (type !== resourceType)
      throw new AwsError(
        400,
        'InvalidParameterValue',
        `'${type.slice(0, 64)}' is not a valid taggable resource type for this operation.`,
      )
    Object.assign(tags, tagsOf(specification))
  }
  return tags
}
