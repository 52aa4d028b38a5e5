// Compares the recorded inputs of resources with the types that the provider publishes for them (@pulumi/aws, made from
// the provider's schema): unknown names, missing required ones and wrong types. The program's own types can't
// show all of that, because inputs come from spreads and from records.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { recordedPath, recordedWhere } from './recorded-inputs.ts'
import type { RecordedInputs } from './recorded-inputs.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
/** Exists only in memory. */
const fileName = join(repository, 'recorded-inputs.ts')

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ESNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
}

/** One line for each problem: the resource, and what the compiler finds. */
export function findWrongInputs(resources: readonly RecordedInputs[]): string[] {
  const lines = ["import * as pulumi from '@pulumi/pulumi'"]
  const owners = new Map<number, RecordedInputs>()
  for (const [index, resource] of resources.entries()) {
    owners.set(lines.length, resource)
    lines.push(
      `export const r${index}: import('${moduleOf(resource.type)}').${className(resource.type)}Args = ${literalOf(resource.inputs)}`,
    )
  }
  return diagnose(lines.join('\n')).map(({ line, text }) => {
    const owner = owners.get(line)
    return `${owner === undefined ? 'recording' : recordedWhere(owner)}: ${text}`
  })
}

function diagnose(source: string): { line: number; text: string }[] {
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.ESNext)
  host.getSourceFile = (name, ...others) => (name === fileName ? file : read(name, ...others))
  const program = ts.createProgram([fileName], options, host)
  const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  return diagnostics.map(({ start, messageText }) => ({
    line: file.getLineAndCharacterOfPosition(start ?? 0).line,
    text: ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 500),
  }))
}

/** `aws:s3/bucket:Bucket` is the class `Bucket` of the module `s3/bucket`. */
function moduleOf(type: string): string {
  return `@pulumi/aws/${type.split(':')[1]}.js`
}

function className(type: string): string {
  return type.split(':').at(-1)!
}

/** On one line. A file is one for the compiler too. */
function literalOf(inputs: unknown): string {
  const file = recordedPath(inputs)
  if (file !== null) return `new pulumi.asset.FileAsset(${JSON.stringify(file)})`
  if (Array.isArray(inputs)) return `[${inputs.map(literalOf).join(', ')}]`
  if (typeof inputs !== 'object' || inputs === null) return JSON.stringify(inputs)
  const members = Object.entries(inputs).map(
    ([name, value]) => `${JSON.stringify(name)}: ${literalOf(value)}`,
  )
  return `{ ${members.join(', ')} }`
}
