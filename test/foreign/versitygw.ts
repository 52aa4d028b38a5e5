// VersityGW with its POSIX backend, versions and all, on loopback: a third-party S3 store.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface VersityGateway {
  endpoint: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  /** Where its buckets' files lie, one folder each: what its administrator has, and no client. */
  dataDirectory: string
  stop(): Promise<void>
}

const region = 'us-east-1'
const startsWithinMs = 10_000

export const versityVersion = readFileSync(new URL('versitygw-version', import.meta.url), 'utf8').trim()

/** @throws if it isn't installed in the version that the tests know. */
export function findVersityGateway(): string {
  const folders = [
    process.env['GOBIN'],
    join(homedir(), 'go', 'bin'),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  const executable = folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder!, 'versitygw'))
    .find((file) => existsSync(file))
  if (executable === undefined) throw new Error('versitygw is not installed: run .ci/install-versitygw')
  // Every program that Go installs carries its main module's version.
  if (!readFileSync(executable).includes(`github.com/versity/versitygw\t${versityVersion}\t`)) {
    throw new Error(`${executable} is not versitygw ${versityVersion}: run .ci/install-versitygw`)
  }
  return executable
}

/** A new store, empty, on a free port; its state is gone when it is stopped. */
export async function startVersityGateway(): Promise<VersityGateway> {
  const binary = findVersityGateway()
  // Not in memory: it keeps metadata in extended attributes, which tmpfs knows only since Linux 6.6.
  const root = mkdtempSync(join(tmpdir(), 'holdfast-versitygw-'))
  const [data, versions] = ['data', 'versions'].map((name) => join(root, name)) as [string, string]
  for (const folder of [data, versions]) mkdirSync(folder)
  const credentials = { accessKeyId: 'holdfast-test', secretAccessKey: randomBytes(20).toString('hex') }
  const port = await findFreePort()
  const child = spawn(
    binary,
    [
      '--port',
      `127.0.0.1:${port}`,
      '--region',
      region,
      '--quiet',
      '--keep-alive',
      '--health',
      '/health',
      'posix',
      '--versioning-dir',
      versions,
      data,
    ],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const kill = (): boolean => child.kill('SIGKILL')
  // A process that ends without stopping it, for one by an exception, takes the store along.
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    await end(child)
    rmSync(root, { recursive: true, force: true })
  }
  const endpoint = `http://127.0.0.1:${port}`
  if (await isServing(endpoint, child)) return { endpoint, region, credentials, dataDirectory: data, stop }
  await stop()
  throw new Error(`versitygw did not start: ${errors}`)
}

async function isServing(endpoint: string, child: ChildProcess): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < startsWithinMs && child.exitCode === null; waitedMs += 50) {
    const answer = await fetch(`${endpoint}/health`).catch(() => null)
    if (answer?.ok === true) return true
    await sleep(50)
  }
  return false
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

// It takes port 0 and doesn't say which one it got.
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
