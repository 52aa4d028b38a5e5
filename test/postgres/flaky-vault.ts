// A vault on a real S3 server, behind an address that is away at times.
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { TurnableClock } from '../../lab/sandbox/clock.ts'
import { startSandbox } from '../../lab/sandbox/server.ts'
import type { Sandbox } from '../../lab/sandbox/server.ts'
import { region, standardCloud, vaultAccount } from '../lab/sandbox/small-cloud.ts'

const bucket = 'locked'

export class FlakyVault {
  /** Its clients lose their connections, and get no new one. */
  isAway = false
  private readonly sandbox: Sandbox
  private readonly proxy: Server
  private readonly sockets = new Set<Socket>()

  private constructor(sandbox: Sandbox, proxy: Server) {
    this.sandbox = sandbox
    this.proxy = proxy
  }

  /** @param directory new; the caller removes it. */
  static async start(directory: string): Promise<FlakyVault> {
    mkdirSync(directory)
    const sandbox = await startSandbox({ directory, declaration: standardCloud, clock: new TurnableClock() })
    const proxy = createServer()
    const vault = new FlakyVault(sandbox, proxy)
    const port = Number(new URL(sandbox.endpoint).port)
    proxy.on('connection', (client) => vault.pass(client, port))
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    return vault
  }

  leave(): void {
    this.isAway = true
    for (const socket of this.sockets) socket.destroy()
  }

  comeBack(): void {
    this.isAway = false
  }

  /** A command reaches the vault with these. */
  get environment(): Record<string, string> {
    const { accessKeyId, secretAccessKey } = this.sandbox.rootCredentials(vaultAccount)
    return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  }

  get options(): string[] {
    const { port } = this.proxy.address() as AddressInfo
    return ['--bucket', bucket, '--region', region, '--endpoint', `http://127.0.0.1:${port}`]
  }

  /** A reader's own way to it, which is never away. */
  open(): ReturnType<typeof openS3ObjectStore> {
    const { accessKeyId, secretAccessKey } = this.sandbox.rootCredentials(vaultAccount)
    return openS3ObjectStore({
      ...{ bucket, endpoint: this.sandbox.endpoint, region, environment: {} },
      credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
    })
  }

  async stop(): Promise<void> {
    this.leave()
    this.proxy.close()
    await this.sandbox.stop()
  }

  private pass(client: Socket, port: number): void {
    if (this.isAway) return void client.destroy()
    const server = connect(port, '127.0.0.1')
    for (const [socket, peer] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(socket)
      socket.on('error', () => peer.destroy())
      socket.on('close', () => {
        this.sockets.delete(socket)
        peer.destroy()
      })
      socket.pipe(peer)
    }
  }
}
