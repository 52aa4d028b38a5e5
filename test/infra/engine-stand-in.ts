// A monitor and an engine on loopback, so that the program can be started by Pulumi's own runner as the CLI starts
// it: in a process of its own, over gRPC, from the entry point that Pulumi.yaml names.
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import type * as engineGrpc from '@pulumi/pulumi/proto/engine_grpc_pb.js'
import type * as resourceGrpc from '@pulumi/pulumi/proto/resource_grpc_pb.js'
import { RecordingMonitor } from '../../infra/recording-monitor.ts'
import type { StackResources } from '../../infra/recording-monitor.ts'

const require = createRequire(import.meta.url)
// Generated code that fills in its exports as it runs, which Node's ESM loader can't see beforehand.
const { ResourceMonitorService } = require('@pulumi/pulumi/proto/resource_grpc_pb.js') as typeof resourceGrpc
const { EngineService } = require('@pulumi/pulumi/proto/engine_grpc_pb.js') as typeof engineGrpc
const { SupportsFeatureResponse } = require('@pulumi/pulumi/proto/resource_pb.js') as {
  SupportsFeatureResponse: new () => { setHassupport(has: boolean): void }
}
const { SetRootResourceResponse } = require('@pulumi/pulumi/proto/engine_pb.js') as {
  SetRootResourceResponse: new () => object
}
const { Empty } = createRequire(require.resolve('@pulumi/pulumi'))(
  'google-protobuf/google/protobuf/empty_pb.js',
) as { Empty: new () => object }

const root = fileURLToPath(new URL('../..', import.meta.url))
const supported = new Set(['secrets', 'resourceReferences', 'deletedWith', 'aliasSpecs'])

export interface ProgramRun {
  exitCode: number
  monitor: RecordingMonitor
  /** The errors in the engine's log, which Pulumi shows to the operator. */
  errors: string[]
}

export interface ProgramOptions {
  stack: string
  dryRun: boolean
  main: string
  before?: StackResources
  nodeFlags?: readonly string[]
}

/** @param config by full key, e.g. `holdfast:layer`, every value as text, as the CLI hands it over */
export async function runProgram(
  config: Record<string, string>,
  options: ProgramOptions,
): Promise<ProgramRun> {
  const monitor = new RecordingMonitor(options.before)
  const errors: string[] = []
  const server = new Server()
  server.addService(ResourceMonitorService, monitorHandlers(monitor))
  server.addService(EngineService, engineHandlers(errors))
  const port = await promisify(server.bindAsync.bind(server))(
    '127.0.0.1:0',
    ServerCredentials.createInsecure(),
  )
  const address = `127.0.0.1:${port}`
  try {
    const flags = [
      '--organization=organization',
      '--project=holdfast',
      `--stack=${options.stack}`,
      '--parallel=4',
      `--monitor=${address}`,
      `--engine=${address}`,
      `--pwd=${root}`,
      `--root-directory=${root}`,
    ]
    if (options.dryRun) flags.push('--dry-run')
    const env = {
      PATH: process.env['PATH'],
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: '[]',
      PULUMI_NODEJS_TYPESCRIPT: 'false',
    }
    const runner = require.resolve('@pulumi/pulumi/cmd/run')
    const exitCode = await new Promise<number>((resolve) => {
      const child = execFile(
        process.execPath,
        [
          '--disable-warning=ExperimentalWarning',
          ...(options.nodeFlags ?? []),
          runner,
          ...flags,
          options.main,
        ],
        { env, timeout: 120_000 },
      )
      child.on('exit', (code) => resolve(code ?? -1))
    })
    return { exitCode, monitor, errors }
  } finally {
    server.forceShutdown()
  }
}

type Handler = handleUnaryCall<unknown, unknown>

function monitorHandlers(monitor: RecordingMonitor): UntypedServiceImplementation {
  const empty: Handler = (_, reply) => reply(null, new Empty())
  const supportsFeature: Handler = (call, reply) => {
    const answer = new SupportsFeatureResponse()
    answer.setHassupport(supported.has((call.request as { getId(): string }).getId()))
    reply(null, answer)
  }
  const registerResource: Handler = (call, reply) =>
    void monitor.registerResource(call.request as never, reply as never)
  const readResource: Handler = (call, reply) =>
    void monitor.readResource(call.request as never, reply as never)
  const invoke: Handler = (call, reply) => void monitor.invoke(call.request, reply as never)
  return {
    supportsFeature,
    registerResource,
    readResource,
    invoke,
    registerResourceOutputs: empty,
    signalAndWaitForShutdown: empty,
  }
}

function engineHandlers(errors: string[]): UntypedServiceImplementation {
  const severityError = 3
  const log: Handler = (call, reply) => {
    const entry = call.request as { getSeverity(): number; getMessage(): string }
    if (entry.getSeverity() === severityError) errors.push(entry.getMessage())
    reply(null, new Empty())
  }
  const setRootResource: Handler = (_, reply) => reply(null, new SetRootResourceResponse())
  return { log, setRootResource }
}
