// Sends requests as bytes on the wire, signed as a test needs them. No well-behaved client would send most of
// them.

import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { SignatureV4 } from '@smithy/signature-v4'
import { RequestHash } from '../../../aws/request-hash.ts'
import type { Credentials } from '../../../lab/sandbox/identity/credentials.ts'
import type { Sandbox } from '../../../lab/sandbox/server.ts'
import { region } from './world.ts'

export interface RawReply {
  status: number
  headers: Record<string, string>
  body: string
  /** The code of an XML error. */
  code: string | null
}

export interface RawRequest {
  method?: string
  /** As it goes over the wire, with its query. */
  path: string
  headers?: Record<string, string>
  body?: string | Buffer
  credentials?: Credentials
  /** The time of the signature; the sandbox's time by default. */
  signedMs?: number
  signingRegion?: string
  service?: string
  /** Changes the signed request before it is sent. */
  tamper?: (signed: { path: string; headers: Record<string, string> }) => void
}

export function signerOf(credentials: Credentials, signingRegion = region, service = 's3'): SignatureV4 {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
    region: signingRegion,
    service,
    sha256: RequestHash,
    uriEscapePath: service !== 's3',
  })
}

export async function signRequest(sandbox: Sandbox, raw: RawRequest & { credentials: Credentials }) {
  const [path = '/', search = ''] = raw.path.split('?', 2)
  const query = Object.fromEntries(new URLSearchParams(search))
  const headers: Record<string, string> = { host: `127.0.0.1:${sandbox.port}`, ...raw.headers }
  headers['x-amz-content-sha256'] ??= createHash('sha256')
    .update(raw.body ?? '')
    .digest('hex')
  const signed = await signerOf(raw.credentials, raw.signingRegion, raw.service).sign(
    { method: raw.method ?? 'GET', protocol: 'http:', hostname: '127.0.0.1', path, query, headers },
    { signingDate: new Date(raw.signedMs ?? sandbox.clock.nowMs()) },
  )
  return { path: raw.path, headers: signed.headers }
}

export async function send(sandbox: Sandbox, raw: RawRequest): Promise<RawReply> {
  const { credentials } = raw
  const signed =
    credentials === undefined
      ? { path: raw.path, headers: { ...raw.headers } }
      : await signRequest(sandbox, { ...raw, credentials })
  raw.tamper?.(signed)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: sandbox.port,
        method: raw.method ?? 'GET',
        path: signed.path,
        headers: signed.headers,
        agent: false,
      },
      (incoming) => {
        const parts: Buffer[] = []
        incoming.on('data', (part: Buffer) => parts.push(part))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const body = Buffer.concat(parts).toString('utf8')
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers as Record<string, string>,
            body,
            code: /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? null,
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(raw.body)
  })
}

/**
 * Sends bytes unchanged. Resolves with the whole reply, once the server closes the connection or the reply is
 * complete.
 */
export function sendBytes(sandbox: Sandbox, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(sandbox.port, '127.0.0.1', () => socket.end(bytes))
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
  })
}
