// Starts a policy pack as Pulumi's CLI does, in a process of its own, and asks it about resources over gRPC as the
// engine does.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { credentials } from '@grpc/grpc-js'
import type * as analyzerGrpc from '@pulumi/pulumi/proto/analyzer_grpc_pb.js'
import type * as analyzerProto from '@pulumi/pulumi/proto/analyzer_pb.js'

const require = createRequire(import.meta.url)
// Generated code that fills in its exports as it runs, which Node's ESM loader can't see beforehand.
const { AnalyzerClient } = require('@pulumi/pulumi/proto/analyzer_grpc_pb.js') as typeof analyzerGrpc
const { AnalyzeRequest, AnalyzerResourceOptions } =
  require('@pulumi/pulumi/proto/analyzer_pb.js') as typeof analyzerProto
const { Struct } = createRequire(require.resolve('@pulumi/pulumi'))(
  'google-protobuf/google/protobuf/struct_pb.js',
) as { Struct: { fromJavaScript(value: object): never } }

export interface AnalyzedResource {
  type: string
  name: string
  inputs: Record<string, unknown>
  protect: boolean
}

/** The violations of each resource, as `policy: message`, in the order of `resources`. */
export async function analyzeWithPack(
  directory: string,
  resources: readonly AnalyzedResource[],
): Promise<string[][]> {
  const runner = require.resolve('@pulumi/pulumi/cmd/run-policy-pack')
  const pack = spawn(process.execPath, [runner, '127.0.0.1:0', directory], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const errors: string[] = []
    pack.stderr.on('data', (bytes: Buffer) => errors.push(bytes.toString()))
    const port = await new Promise<string>((resolve, reject) => {
      createInterface(pack.stdout).once('line', resolve)
      pack.once('exit', () => reject(new Error(`the policy pack ended: ${errors.join('')}`)))
    })
    const client = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure())
    const violations: string[][] = []
    for (const resource of resources) violations.push(await analyze(client, resource))
    client.close()
    return violations
  } finally {
    pack.kill()
  }
}

function analyze(
  client: InstanceType<typeof AnalyzerClient>,
  { type, name, inputs, protect }: AnalyzedResource,
): Promise<string[]> {
  const options = new AnalyzerResourceOptions()
  options.setProtect(protect)
  const request = new AnalyzeRequest()
  request.setType(type)
  request.setName(name)
  request.setUrn(`urn:pulumi:stack::project::${type}::${name}`)
  request.setProperties(Struct.fromJavaScript(inputs))
  request.setOptions(options)
  return new Promise((resolve, reject) => {
    client.analyze(request, (error, response) => {
      if (error !== null) reject(new Error(error.message))
      else
        resolve(
          response
            .getDiagnosticsList()
            .map((diagnostic) => `${diagnostic.getPolicyname()}: ${diagnostic.getMessage()}`),
        )
    })
  })
}
