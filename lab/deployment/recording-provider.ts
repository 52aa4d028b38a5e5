// A provider of `aws` for Pulumi's own engine. It speaks the plugin's protocol and records every resource instead of
// calling AWS. The engine opens one connection for each provider of a program, so that each call has one account.
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import type * as pluginProto from '@pulumi/pulumi/proto/plugin_pb.js'
import type * as providerGrpc from '@pulumi/pulumi/proto/provider_grpc_pb.js'
import type * as providerProto from '@pulumi/pulumi/proto/provider_pb.js'
import { stateOf } from '../../infra/recorded-state.ts'
import { emptyAccount } from '../../infra/recording-monitor.ts'
import type { AccountReads } from '../../infra/recording-monitor.ts'

const require = createRequire(import.meta.url)
// Generated code that fills in its exports as it runs, which Node's ESM loader can't see beforehand.
const { ResourceProviderService } = require('@pulumi/pulumi/proto/provider_grpc_pb.js') as typeof providerGrpc
const messages = require('@pulumi/pulumi/proto/provider_pb.js') as typeof providerProto
const { PluginInfo } = require('@pulumi/pulumi/proto/plugin_pb.js') as typeof pluginProto
const protobuf = createRequire(require.resolve('@pulumi/pulumi'))
type StructType = NonNullable<ReturnType<providerProto.CheckRequest['getNews']>>
const { Struct } = protobuf('google-protobuf/google/protobuf/struct_pb.js') as {
  Struct: { fromJavaScript(properties: Properties): StructType }
}
const { Empty } = protobuf('google-protobuf/google/protobuf/empty_pb.js') as { Empty: new () => object }

type Properties = Record<string, unknown>

/** One resource that the engine created. */
export interface DeployedResource {
  readonly urn: string
  /** Pulumi's type token, e.g. `aws:s3/bucket:Bucket`. */
  readonly type: string
  readonly id: string
  readonly accountId: string
  readonly region: string
  readonly inputs: Properties
}

export interface ProviderCall {
  readonly kind: 'create' | 'update' | 'delete'
  readonly resource: DeployedResource
}

export interface ProviderOptions {
  reads?: AccountReads
  /** AWS's refusal of a call, or null. */
  refuse?: (call: ProviderCall) => Promise<string | null>
  version: string
}

interface Connection {
  accountId: string
  region: string
}

export class RecordingProvider {
  /** Resources that exist, by URN. */
  readonly resources = new Map<string, DeployedResource>()
  /** Every call that would have changed AWS, with the refused ones. */
  readonly calls: (ProviderCall & { refusal: string | null })[] = []
  private readonly server = new Server()
  private readonly connections = new Map<string, Connection>()
  private readonly options: ProviderOptions

  private constructor(options: ProviderOptions) {
    this.options = options
  }

  static async start(
    options: ProviderOptions,
  ): Promise<{ provider: RecordingProvider; port: number; stop: () => void }> {
    const provider = new RecordingProvider(options)
    provider.server.addService(ResourceProviderService, provider.handlers())
    const port = await promisify(provider.server.bindAsync.bind(provider.server))(
      '127.0.0.1:0',
      ServerCredentials.createInsecure(),
    )
    return { provider, port, stop: () => provider.server.forceShutdown() }
  }

  private handlers(): UntypedServiceImplementation {
    return {
      handshake: handler((_: providerProto.ProviderHandshakeRequest) => {
        const reply = new messages.ProviderHandshakeResponse()
        return reply
      }),
      attach: handler(() => new Empty()),
      cancel: handler(() => new Empty()),
      getPluginInfo: handler(() => {
        const info = new PluginInfo()
        info.setVersion(this.options.version)
        return info
      }),
      checkConfig: handler(checked),
      check: handler(checked),
      diffConfig: handler(compared),
      diff: handler(compared),
      configure: handler((request: providerProto.ConfigureRequest, call) => this.configure(request, call)),
      invoke: handler((request: providerProto.InvokeRequest) => this.invoke(request)),
      create: handler((request: providerProto.CreateRequest, call) => this.create(request, call)),
      read: handler((request: providerProto.ReadRequest) => {
        const reply = new messages.ReadResponse()
        reply.setId(request.getId())
        reply.setProperties(request.getProperties())
        reply.setInputs(request.getInputs())
        return reply
      }),
      update: handler((request: providerProto.UpdateRequest, call) => this.update(request, call)),
      delete: handler((request: providerProto.DeleteRequest, call) => this.delete(request, call)),
    }
  }

  /** A provider's list inputs are JSON texts. */
  private configure(request: providerProto.ConfigureRequest, call: AnyCall): object {
    const { allowedAccountIds, region } = propertiesOf(request.getArgs())
    const accounts = typeof allowedAccountIds === 'string' ? (JSON.parse(allowedAccountIds) as unknown) : []
    if (!Array.isArray(accounts) || accounts.length !== 1)
      throw new Error('the provider is not bound to one account by allowedAccountIds')
    this.connections.set(call.getPeer(), { accountId: String(accounts[0]), region: String(region) })
    const reply = new messages.ConfigureResponse()
    reply.setSupportspreview(true)
    return reply
  }

  private invoke(request: providerProto.InvokeRequest): object {
    const read = (this.options.reads ?? emptyAccount)[request.getTok()]
    if (read === undefined) throw new Error(`the program reads ${request.getTok()}, which nothing stands for`)
    const reply = new messages.InvokeResponse()
    reply.setReturn(structOf(read(propertiesOf(request.getArgs()))))
    return reply
  }

  private async create(request: providerProto.CreateRequest, call: AnyCall): Promise<object> {
    const inputs = propertiesOf(request.getProperties())
    const reply = new messages.CreateResponse()
    if (request.getPreview()) {
      // Outputs that only AWS assigns stay unknown: the SDK treats an output that a preview lacks as unknown.
      reply.setProperties(structOf(inputs))
      return reply
    }
    const { accountId, region } = this.connectionOf(call)
    const { id, state } = stateOf(request.getType(), request.getName(), accountId, inputs)
    const resource = { urn: request.getUrn(), type: request.getType(), id, accountId, region, inputs }
    await this.record({ kind: 'create', resource })
    this.resources.set(resource.urn, resource)
    reply.setId(id)
    reply.setProperties(structOf({ region, ...state }))
    return reply
  }

  private async update(request: providerProto.UpdateRequest, call: AnyCall): Promise<object> {
    const inputs = propertiesOf(request.getNews())
    const [type, name] = [request.getType(), request.getName()]
    const { accountId, region } = this.connectionOf(call)
    const resource = { urn: request.getUrn(), type, id: request.getId(), accountId, region, inputs }
    if (!request.getPreview()) {
      await this.record({ kind: 'update', resource })
      this.resources.set(resource.urn, resource)
    }
    const reply = new messages.UpdateResponse()
    reply.setProperties(structOf({ region, ...stateOf(type, name, accountId, inputs).state }))
    return reply
  }

  private async delete(request: providerProto.DeleteRequest, call: AnyCall): Promise<object> {
    const { accountId, region } = this.connectionOf(call)
    const resource = {
      urn: request.getUrn(),
      type: request.getType(),
      id: request.getId(),
      accountId,
      region,
      inputs: propertiesOf(request.getOldInputs()),
    }
    await this.record({ kind: 'delete', resource })
    this.resources.delete(resource.urn)
    return new Empty()
  }

  private async record(call: ProviderCall): Promise<void> {
    const refusal = (await this.options.refuse?.(call)) ?? null
    this.calls.push({ ...call, refusal })
    if (refusal !== null) throw new Error(refusal)
  }

  private connectionOf(call: AnyCall): Connection {
    const connection = this.connections.get(call.getPeer())
    if (connection === undefined) throw new Error('the engine calls a provider that it has not configured')
    return connection
  }
}

type AnyCall = ServerUnaryCall<unknown, unknown>
type Reply = (error: { code: number; details: string } | null, response?: unknown) => void

function handler<Request>(respond: (request: Request, call: AnyCall) => object | Promise<object>) {
  return (call: AnyCall, reply: Reply) => {
    Promise.resolve()
      .then(() => respond(call.request as Request, call))
      .then(
        (response) => reply(null, response),
        (error: unknown) => reply({ code: status.UNKNOWN, details: (error as Error).message }),
      )
  }
}

function checked(request: providerProto.CheckRequest): object {
  const reply = new messages.CheckResponse()
  reply.setInputs(request.getNews())
  return reply
}

/** Compares inputs with inputs. */
function compared(request: providerProto.DiffRequest): object {
  const [before, after] = [propertiesOf(request.getOldInputs()), propertiesOf(request.getNews())]
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
  const reply = new messages.DiffResponse()
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges
  reply.setChanges(changed.length === 0 ? DIFF_NONE : DIFF_SOME)
  reply.setDiffsList(changed)
  return reply
}

function propertiesOf(struct: StructType | undefined): Properties {
  return struct?.toJavaScript() ?? {}
}

function structOf(properties: Properties): StructType {
  return Struct.fromJavaScript(properties)
}
