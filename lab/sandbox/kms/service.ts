// The part of KMS that signs: the public key of a declared key, and signatures with its private one, over the JSON
// protocol. Each sandbox makes its own keys, and keeps them in its database.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { CloudDeclaration, DeclaredKey } from '../declaration.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { readSetting, writeSetting } from '../store/database.ts'
import { signDigest } from './sign-digest.ts'

const maxBodyBytes = 64 * 1024
const algorithm = 'ECDSA_SHA_256'
const keyRequest = z.object({ KeyId: z.string().min(1).max(2048) })
const signRequest = keyRequest.extend({
  Message: z.string().max(8192),
  MessageType: z.enum(['RAW', 'DIGEST']).default('RAW'),
  SigningAlgorithm: z.string(),
})

type Operation = (call: KmsCall, body: unknown) => Promise<Record<string, unknown>>

interface KmsCall {
  host: ServiceHost
  request: ServiceRequest
}

const operations: Readonly<Record<string, Operation>> = { GetPublicKey: getPublicKey, Sign: signMessage }

export function createKmsService(host: ServiceHost): Service {
  return { name: 'kms', handle: (request) => handle({ host, request }), renderError }
}

async function handle(call: KmsCall): Promise<ServiceReply> {
  const { request } = call
  let operation = ''
  try {
    if (request.principal.kind === 'anonymous')
      throw new AwsError(400, 'MissingAuthenticationTokenException', 'Missing Authentication Token')
    const name = (request.headers['x-amz-target'] ?? '').replace(/^TrentService\./, '')
    const run = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (run === undefined)
      throw new AwsError(
        400,
        'UnknownOperationException',
        `The sandbox does not emulate ${name.slice(0, 64)}`,
      )
    operation = name
    return reply(200, await run(call, parseBody(await request.body.read(maxBodyBytes))), { operation })
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    return { ...renderError(error), operation }
  }
}

async function getPublicKey(call: KmsCall, body: unknown): Promise<Record<string, unknown>> {
  const { KeyId } = parse(keyRequest, body)
  const key = await allowedKey(call, KeyId, 'kms:GetPublicKey')
  const publicKey = createPublicKey(privateKeyOf(call.host, key))
  return {
    KeyId: key.arn,
    PublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: [algorithm],
  }
}

async function signMessage(call: KmsCall, body: unknown): Promise<Record<string, unknown>> {
  const { KeyId, Message, MessageType, SigningAlgorithm } = parse(signRequest, body)
  const key = await allowedKey(call, KeyId, 'kms:Sign')
  if (SigningAlgorithm !== algorithm)
    throw new AwsError(
      400,
      'ValidationException',
      `Algorithm ${SigningAlgorithm.slice(0, 40)} is not supported`,
    )
  const message = Buffer.from(Message, 'base64')
  const privateKey = privateKeyOf(call.host, key)
  const signature =
    MessageType === 'DIGEST' ? signDigest(privateKey, message) : sign('sha256', message, privateKey)
  return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm }
}

/** A key of another account can be named by its ARN alone, as on AWS. */
async function allowedKey(
  { host, request }: KmsCall,
  keyId: string,
  action: 'kms:GetPublicKey' | 'kms:Sign',
): Promise<DeclaredKey> {
  const { key, alias } = findKey(host.declaration, request, keyId)
  if (key === undefined) throw new AwsError(400, 'NotFoundException', `Key '${keyId}' does not exist`)
  const decision = await host.authorize(request, {
    action,
    resource: key.arn,
    resourceAccountId: key.accountId,
    resourcePolicy: key.policy,
    ...(alias === null ? {} : { context: { 'kms:RequestAlias': alias } }),
  })
  if (!decision.allowed)
    throw new AwsError(
      400,
      'AccessDeniedException',
      `User: ${request.principal.arn} is not authorized to perform: ${action} on resource: ${key.arn}`,
    )
  if (key.signs !== true)
    throw new AwsError(400, 'InvalidKeyUsageException', `${key.arn} key usage is ENCRYPT_DECRYPT`)
  return key
}

function findKey(
  { keys }: CloudDeclaration,
  { principal, signature }: ServiceRequest,
  keyId: string,
): { key: DeclaredKey | undefined; alias: string | null } {
  const callersPrefix = `arn:aws:kms:${signature.region}:${principal.accountId}:`
  const arn = keyId.startsWith('arn:')
    ? keyId
    : callersPrefix + (keyId.startsWith('alias/') ? keyId : `key/${keyId}`)
  const alias = /:(alias\/.+)$/.exec(arn)?.[1] ?? null
  if (alias === null) return { key: keys.find((key) => key.arn === arn), alias }
  const prefix = arn.slice(0, -alias.length)
  return { key: keys.find((key) => key.arn.startsWith(prefix) && key.aliases?.includes(alias)), alias }
}

function privateKeyOf({ database }: ServiceHost, { arn }: DeclaredKey): KeyObject {
  const name = `kms-key ${arn}`
  const stored = readSetting(database, name)
  if (stored !== null) return createPrivateKey(stored)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeSetting(database, name, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return privateKey
}

function parseBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    throw new AwsError(400, 'SerializationException', 'The body is not JSON')
  }
}

function parse<Result>(schema: z.ZodType<Result>, body: unknown): Result {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw new AwsError(400, 'ValidationException', z.prettifyError(parsed.error).slice(0, 200))
}

// The gateway throws S3's codes; these are KMS's.
// https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
const kmsCodes: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'UnrecognizedClientException',
  InvalidToken: 'UnrecognizedClientException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  ExpiredToken: 'ExpiredTokenException',
  AccessDenied: 'AccessDeniedException',
  SlowDown: 'ThrottlingException',
}

function renderError(error: AwsError): ServiceReply {
  const code = kmsCodes[error.code] ?? error.code
  return reply(
    error.status >= 500 ? error.status : 400,
    { __type: code, message: error.message },
    { errorCode: code },
  )
}

function reply(status: number, body: Record<string, unknown>, fields: Partial<ServiceReply>): ServiceReply {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(body),
    ...fields,
  }
}
