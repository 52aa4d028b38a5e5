// The store of both tools: versitygw on loopback, a third-party server.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateBucketCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { HoldfastError } from '../../core/errors.ts'
import { countRequests } from './access-log.ts'
import type { Requests } from './access-log.ts'
import { LinkProxy } from './link.ts'
import type { Link } from './link.ts'
import { SeededBytes } from './seeded-bytes.ts'

const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench-on-loopback' }
const region = 'us-east-1'
const lockDays = 40

/** The part of the store that a measurement uses. */
export type MeasuredStore = Pick<
  Gateway,
  'mark' | 'requestsSince' | 'storedBytes' | 'cpuSeconds' | 'forget' | 'fetchAll'
>

export class Gateway {
  readonly endpoint: string
  readonly client: S3Client
  private readonly child: ChildProcess
  private readonly folder: string
  private readonly proxy: LinkProxy | null

  private constructor(child: ChildProcess, folder: string, port: number, proxy: LinkProxy | null) {
    this.child = child
    this.folder = folder
    this.proxy = proxy
    this.endpoint = `http://127.0.0.1:${proxy === null ? port : proxy.port}`
    this.client = new S3Client({
      endpoint: this.endpoint,
      region,
      credentials,
      forcePathStyle: true,
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }

  /** @param folder for all of its data; the caller removes it. @param link lies before the store, if there is one. */
  static async start(program: string, folder: string, link?: Link): Promise<Gateway> {
    const port = await freePort()
    for (const part of ['buckets', 'versions']) mkdirSync(join(folder, part), { recursive: true })
    const child = spawnServer(program, folder, port, ['--access-log', join(folder, 'access.log')])
    const proxy = link === undefined ? null : await LinkProxy.start(link, port, seededRandom('link'))
    const gateway = new Gateway(child, folder, port, proxy)
    try {
      await gateway.waitUntilReady()
    } catch (error) {
      await gateway.stop()
      throw error
    }
    return gateway
  }

  /** The environment of a client. */
  get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: this.endpoint,
    }
  }

  async makeBucket(name: string, options: { locked: boolean }): Promise<void> {
    await this.client.send(
      new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: options.locked }),
    )
    if (!options.locked) return
    await this.client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: name,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: lockDays } },
        },
      }),
    )
  }

  /** Bytes of every object and version in a bucket. */
  storedBytes(bucket: string): number {
    return (
      bytesBelow(join(this.folder, 'buckets', bucket)) + bytesBelow(join(this.folder, 'versions', bucket))
    )
  }

  /** Fetches every current object once, `atOnce` at a time, and discards the bytes. Returns the seconds. */
  async fetchAll(bucket: string, atOnce: number): Promise<number> {
    const keys: string[] = []
    for await (const page of paginateListObjectsV2({ client: this.client }, { Bucket: bucket }))
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key!))
    const beforeMs = performance.now()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let Key = keys.pop(); Key !== undefined; Key = keys.pop()) {
          const { Body } = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key }))
          await finished((Body as Readable).resume())
        }
      }),
    )
    return (performance.now() - beforeMs) / 1000
  }

  /** Removes the objects of a finished bucket from the disk, locked ones included. */
  forget(bucket: string): void {
    for (const part of ['buckets', 'versions'])
      rmSync(join(this.folder, part, bucket), { recursive: true, force: true })
  }

  /** Processor time of the server: proc(5), fields 14 and 15, in ticks of 10 ms. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** The end of the access log, an argument of `requestsSince` after a run. */
  mark(): number {
    return statSync(join(this.folder, 'access.log'), { throwIfNoEntry: false })?.size ?? 0
  }

  requestsSince(mark: number): Requests {
    const file = join(this.folder, 'access.log')
    const bytes = Buffer.alloc(this.mark() - mark)
    if (bytes.length === 0) return countRequests('')
    const handle = openSync(file, 'r')
    try {
      readSync(handle, bytes, 0, bytes.length, mark)
    } finally {
      closeSync(handle)
    }
    return countRequests(bytes.toString('utf8'))
  }

  async stop(): Promise<void> {
    this.client.destroy()
    await this.proxy?.stop()
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const closed = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await closed
  }

  private async waitUntilReady(): Promise<void> {
    for (let attempt = 0; attempt < 100 && this.child.exitCode === null; attempt++) {
      if (
        await fetch(this.endpoint).then(
          () => true,
          () => false,
        )
      )
        return
      await sleep(100)
    }
    const log = readFileSync(join(this.folder, 'gateway.log'), 'utf8')
    throw new HoldfastError('unreachable', `versitygw did not start: ${log.trim().slice(-1000)}`)
  }
}

/**
 * Starts versitygw on the buckets of `folder`. It ends with this process, so that it can't outlive a measurement.
 * @param options besides the usual ones.
 */
export function spawnServer(
  program: string,
  folder: string,
  port: number,
  options: readonly string[],
): ChildProcess {
  const log = openSync(join(folder, 'gateway.log'), 'a')
  const address = ['--port', `127.0.0.1:${port}`, '--region', region]
  const posix = ['posix', '--versioning-dir', join(folder, 'versions'), join(folder, 'buckets')]
  const child = spawn(program, [...address, '--keep-alive', '--quiet', ...options, ...posix], {
    env: {
      ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      HOME: folder,
    },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  process.prependOnceListener('exit', () => child.kill('SIGKILL'))
  return child
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The same losses in each measurement. */
function seededRandom(seed: string): () => number {
  const bytes = new SeededBytes(seed)
  return () => bytes.random(4).readUInt32LE() / 2 ** 32
}

function bytesBelow(folder: string): number {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return 0
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += lstatSync(join(entry.parentPath, entry.name)).size
  }
  return bytes
}
