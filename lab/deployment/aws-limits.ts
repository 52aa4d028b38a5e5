// Compares the recorded inputs of resources with AWS's own models of the requests that create them: enumerations,
// lengths, bounds and patterns. An input that the table (aws-requests.ts) leads to no member of a request is a problem
// too.
import { requests } from './aws-requests.ts'
import type { RequestRow } from './aws-requests.ts'
import { findBrokenLimits, ServiceModel } from './aws-models.ts'
import type { Shape } from './aws-models.ts'
import { recordedWhere } from './recorded-inputs.ts'
import type { RecordedInputs } from './recorded-inputs.ts'

/** One line for each problem: the resource, the input, and what AWS asks of it. */
export function findBrokenRequests(resources: readonly RecordedInputs[]): string[] {
  const models = new Map<string, ServiceModel>()
  return resources.flatMap((resource) => {
    const { type, inputs } = resource
    const where = recordedWhere(resource)
    const row = requests[type]
    if (row === undefined) return [`${where}: the type ${type} has no row: add it to aws-requests.ts`]
    const service = row.operation.split('.')[0]!
    if (!models.has(service)) models.set(service, ServiceModel.load(service))
    return new RequestCheck(row, models.get(service)!).check(inputs).map((problem) => `${where}: ${problem}`)
  })
}

class RequestCheck {
  private readonly row: RequestRow
  private readonly model: ServiceModel

  constructor(row: RequestRow, model: ServiceModel) {
    this.row = row
    this.model = model
  }

  check(inputs: Readonly<Record<string, unknown>>): string[] {
    // Each resource may name its region, which is no part of a request.
    const { region: _region, ...members } = inputs
    return this.checkMembers(this.model.input(this.row.operation.split('.')[1]!), members, '')
  }

  /** Inputs of Pulumi against the members of one structure. */
  private checkMembers(structure: Shape, inputs: Readonly<Record<string, unknown>>, path: string): string[] {
    return Object.entries(inputs).flatMap(([name, value]) => {
      const inside = path === '' ? name : `${path}.${name}`
      const target = this.row.members?.[inside]
      if (target === null) return []
      const shape = target === undefined ? this.memberLike(structure, name) : this.follow(structure, target)
      return shape === null
        ? [`${inside} is no member of ${this.row.operation} by its name: lead it there in aws-requests.ts`]
        : this.checkValue(shape, value, inside)
    })
  }

  private checkValue(shape: Shape, value: unknown, path: string): string[] {
    // Pulumi takes some lists of structures as the text that AWS gets.
    if (shape.type === 'list' && typeof value === 'string' && value.startsWith('['))
      return this.checkDocument(shape, JSON.parse(value), path)
    const broken = findBrokenLimits(shape, value).map((problem) => `${path}: ${problem}`)
    if (shape.type === 'list') return [...broken, ...this.checkList(shape, value, path)]
    if (shape.type === 'map') {
      const [key, item] = [this.model.shape(shape.key!), this.model.shape(shape.value!)]
      // One entry of a map of attributes.
      if (typeof value !== 'object') return this.checkValue(item, value, path)
      return Object.entries(value as object).flatMap(([name, entry]) => [
        ...this.checkValue(key, name, `the key of ${path}.${name}`),
        ...this.checkValue(item, entry, `${path}.${name}`),
      ])
    }
    if (shape.type !== 'structure' || typeof value !== 'object') return broken
    // Pulumi has lists where AWS takes one structure.
    const items = Array.isArray(value) ? value : [value]
    return items.flatMap((item) => this.checkMembers(shape, item as Record<string, unknown>, path))
  }

  private checkList(shape: Shape, value: unknown, path: string): string[] {
    const item = this.model.shape(shape.member!)
    if (Array.isArray(value)) return value.flatMap((entry) => this.checkValue(item, entry, path))
    const [key, text] = [/(?:key|name)$/i, /value$/i].map((ending) => this.memberThat(item, ending))
    // Tags and dimensions are a map for Pulumi, and a list of pairs for AWS.
    if (typeof value === 'object' && key && text && !('key' in value! || 'name' in value!))
      return Object.entries(value!).flatMap(([name, entry]) => [
        ...this.checkValue(key, name, `the key of ${path}.${name}`),
        ...this.checkValue(text, entry, `${path}.${name}`),
      ])
    // One, where AWS takes several.
    return this.checkValue(item, value, path)
  }

  /** A document that AWS gets as it is: each name and each required one. */
  private checkDocument(shape: Shape, value: unknown, path: string): string[] {
    const broken = findBrokenLimits(shape, value).map((problem) => `${path}: ${problem}`)
    if (shape.type === 'list' && Array.isArray(value))
      return [
        ...broken,
        ...value.flatMap((item, index) =>
          this.checkDocument(this.model.shape(shape.member!), item, `${path}[${index}]`),
        ),
      ]
    if (shape.type === 'map') return [...broken, ...this.checkValue(shape, value, path)]
    if (shape.type !== 'structure') return broken
    const document = value as Record<string, unknown>
    const missing = (shape.required ?? []).filter((name) => !(name in document))
    return [
      ...missing.map((name) => `${path}: lacks ${name}`),
      ...Object.entries(document).flatMap(([name, item]) => {
        const member = shape.members![name]
        return member === undefined
          ? [`${path}.${name}: AWS knows no such name`]
          : this.checkDocument(this.model.shape(member), item, `${path}.${name}`)
      }),
    ]
  }

  /** The member of the same name, whose case and plural differ between Pulumi and AWS. */
  private memberLike(structure: Shape, name: string): Shape | null {
    const plain = (text: string) => text.toLowerCase().replace(/s$/, '')
    const match = Object.entries(structure.members ?? {}).find(([member]) => plain(member) === plain(name))
    return match === undefined ? null : this.model.shape(match[1])
  }

  private memberThat(structure: Shape, ending: RegExp): Shape | null {
    const match = Object.entries(structure.members ?? {}).find(([member]) => ending.test(member))
    return match === undefined ? null : this.model.shape(match[1])
  }

  /** @param target `Member.Member`, or `Operation:Member.Member` of another request */
  private follow(structure: Shape, target: string): Shape {
    const [operation, path] = target.includes(':') ? target.split(':') : [null, target]
    const start = operation === null ? structure : this.model.input(operation)
    return path.split('.').reduce((shape, name) => {
      const inner = shape.type === 'list' ? this.model.shape(shape.member!) : shape
      const member = inner.members?.[name]
      if (member === undefined) throw new Error(`${this.row.operation}: AWS has no ${name} of ${target}`)
      return this.model.shape(member)
    }, start)
  }
}
