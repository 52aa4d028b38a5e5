// AWS's own models of its requests, as botocore publishes them: names, enumerations, lengths and patterns.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** A shape of a model. See https://smithy.io/2.0/spec/constraint-traits.html for what its limits mean. */
export interface Shape {
  readonly type: string
  /** The values that a text may have. */
  readonly enum?: readonly string[]
  /** Length of a string, a list or a map; value of a number. */
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
  /** The members of a structure by name. */
  readonly members?: Readonly<Record<string, ShapeReference>>
  /** An entry of a list. */
  readonly member?: ShapeReference
  /** An entry of a map. */
  readonly key?: ShapeReference
  readonly value?: ShapeReference
  readonly required?: readonly string[]
}

interface ShapeReference {
  readonly shape: string
}

interface Model {
  readonly operations: Readonly<Record<string, { input?: ShapeReference }>>
  readonly shapes: Readonly<Record<string, Shape>>
}

/** Where .ci/install-aws-models puts them. */
const folder = fileURLToPath(new URL('../../node_modules/.cache/aws-models/botocore/data', import.meta.url))

export class ServiceModel {
  private readonly model: Model

  private constructor(model: Model) {
    this.model = model
  }

  /** @param service as botocore names it, e.g. `stepfunctions` */
  static load(service: string): ServiceModel {
    if (!existsSync(folder)) throw new Error(`there is no ${folder}: run .ci/install-aws-models first`)
    const version = readdirSync(join(folder, service)).sort().at(-1)!
    const text = gunzipSync(readFileSync(join(folder, service, version, 'service-2.json.gz')))
    return new ServiceModel(JSON.parse(text.toString('utf8')) as Model)
  }

  /** The structure that an operation takes. */
  input(operation: string): Shape {
    const input = this.model.operations[operation]?.input
    if (input === undefined) throw new Error(`AWS has no operation ${operation} with a request`)
    return this.shape(input)
  }

  shape({ shape }: ShapeReference): Shape {
    return this.model.shapes[shape]!
  }
}

/** How a text, a number or a list breaks its shape's limits; what is inside of it isn't looked at. */
export function findBrokenLimits(shape: Shape, value: unknown): string[] {
  if (typeof value === 'string') return findBrokenTextLimits(shape, value)
  if (typeof value === 'number') return findBrokenBounds(shape, value, String(value))
  return Array.isArray(value) ? findBrokenBounds(shape, value.length, `a list of ${value.length}`) : []
}

function findBrokenTextLimits(shape: Shape, value: string): string[] {
  const shown = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (shape.enum !== undefined && !shape.enum.includes(value))
    return [`${shown} is none of ${shape.enum.join(', ')}`]
  if (shape.type !== 'string') return findBrokenNumberLimits(shape, value, shown)
  const broken = findBrokenBounds(shape, value.length, `a text of ${value.length} characters`)
  // A stand-in for an id that only AWS assigns has its length at most.
  if (shape.pattern !== undefined && !value.includes('recorded') && !patternOf(shape.pattern).test(value))
    broken.push(`${shown} doesn't match ${shape.pattern}`)
  return broken
}

/** Pulumi takes some numbers as texts. */
function findBrokenNumberLimits(shape: Shape, value: string, shown: string): string[] {
  if (!['integer', 'long', 'double', 'float'].includes(shape.type)) return []
  return /^-?\d+(?:\.\d+)?$/.test(value)
    ? findBrokenBounds(shape, Number(value), shown)
    : [`${shown} is no number`]
}

function findBrokenBounds({ min, max }: Shape, size: number, subject: string): string[] {
  if (min !== undefined && size < min) return [`${subject} is below ${min}`]
  if (max !== undefined && size > max) return [`${subject} is above ${max}`]
  return []
}

/** AWS means the whole text. Patterns with `\p{…}` are ones of Unicode; the others escape what Unicode's may not. */
function patternOf(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, pattern.includes('\\p{') ? 'u' : '')
}
