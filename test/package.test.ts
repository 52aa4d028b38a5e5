// The published form: what `npm pack` makes must work in an empty folder, with nothing of the repository at hand, and
// without a package registry: a restore starts with it on a machine that may reach none.
import { execFile } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askResident } from '../restore-cli/resident-client.ts'
import { analyzeWithPack } from './infra/policy-pack-process.ts'
import { region, startWorld, vaultAccount } from './lab/sandbox/world.ts'

const run = promisify(execFile)
const repository = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
/** No process listens here. */
const nowhere = 'http://127.0.0.1:9'
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  npm_config_update_notifier: 'false',
}
const sandbox = await startWorld()

/** npm with an empty cache, and a registry that refuses every connection. */
const withoutRegistry = {
  ...env,
  npm_config_registry: nowhere,
  npm_config_proxy: nowhere,
  npm_config_https_proxy: nowhere,
  npm_config_noproxy: '',
  npm_config_fetch_retries: '0',
  npm_config_cache: join(folder, 'npm-cache'),
}

interface Packed {
  filename: string
  bundled: string[]
  files: { path: string; size: number }[]
}
let packed: Packed
const installed = join(folder, 'node_modules/holdfast')
/** A user brings them, if at all. `pg` looks for `pg-native` when a program asks for it. */
const importedPeers = [
  '@cloud-copilot/iam-simulate',
  '@pulumi/aws',
  '@pulumi/aws/types/enums/index.js',
  '@pulumi/pulumi',
  'pg-native',
]

async function bin(
  name: string,
  args: string[],
  {
    directory = join(folder, 'node_modules', '.bin'),
    variables = {},
  }: { directory?: string; variables?: Record<string, string> } = {},
): Promise<{ stdout: string; stderr: string }> {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  return run(join(directory, name), args, {
    cwd: folder,
    env: {
      PATH: env.PATH,
      HOME: folder,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      HOLDFAST_BUCKET: 'locked',
      HOLDFAST_SOURCE: 'files',
      ...variables,
    },
  })
}

/** The processes whose command line has the argument. */
function processesWith(argument: string): number[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
    try {
      const isNamed = readFileSync(file, 'latin1').split('\0').includes(argument)
      return isNamed ? [Number(file.split('/')[2])] : []
    } catch {
      return []
    }
  })
}

/** Building, packing and unpacking thousands of files takes a minute, and longer beside other tests. */
const preparationMs = 600_000

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: repository,
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  // The build's output comes before npm's own answer.
  packed = (JSON.parse(stdout.slice(stdout.search(/^\[/m))) as Packed[])[0]!
  writeFileSync(join(folder, 'package.json'), '{"private": true}')
  await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, packed.filename)],
    { cwd: folder, env: withoutRegistry },
  )
}, preparationMs)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  test('holds what it needs and nothing else', () => {
    const files = packed.files.filter(({ path }) => !path.startsWith('node_modules/'))
    const odd = files
      .map(({ path }) => path)
      .filter(
        (path) =>
          !/^(bin\/(holdfast|restore)|dist\/.*\.(js|d\.ts)|dist\/THIRD-PARTY-LICENCES\.txt|deploy\/systemd\/holdfast[a-z@.-]*|deploy\/monitoring\/(holdfast-alerts\.yaml|grafana-dashboard\.json)|deploy\/kubernetes\/holdfast[a-z-]*\.yaml|deploy\/slurm\/holdfast-shards|infra\/Containerfile|package\.json|README\.md|LICENSE)$/.test(
            path,
          ),
      )
    expect(odd).toEqual([])
    expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(8 * 1024 * 1024)
  })

  test('needs no other package, so that npm resolves nothing when it installs', () => {
    expect(packed.bundled).toEqual([])
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'holdfast',
    ])
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies?: unknown
    }
    expect(dependencies).toBeUndefined()
  })

  test("imports nothing but itself, Node's modules and optional peers", () => {
    const imports = new Set<string>()
    for (const file of globSync('dist/**/*.js', { cwd: installed })) {
      const text = readFileSync(join(installed, file), 'utf8')
      for (const { fileName } of ts.preProcessFile(text).importedFiles)
        if (!fileName.startsWith('.')) imports.add(fileName)
      // Code in a form that no bundler sees through would look for its parts beside the bundle.
      for (const [, name] of text.matchAll(/\b(?:__)?require\("([^"]+)"\)/g)) imports.add(name!)
    }
    expect([...imports].filter((name) => !isBuiltin(name)).sort()).toEqual(importedPeers)
  })

  test('names the licence of each package in it', () => {
    const licences = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENCES.txt'), 'utf8')
    for (const name of ['@aws-sdk/client-s3', '@smithy/core', 'commander', 'pg', 'zod'])
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((MIT|Apache-2\\.0)\\)$`, 'm'))
    expect(licences).not.toContain('(undefined)')
  })

  test("says its version and its help, without a warning of Node's", async () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(await bin('holdfast', ['--version'])).toMatchObject({ stdout: `${version}\n`, stderr: '' })
    const help = await bin('restore', ['--help'])
    expect(help.stdout).toMatch(/^Usage: restore \[options\] \[paths\.\.\.\]/)
    expect(help.stderr).toBe('')
  })

  test('backs up and restores', async () => {
    const data = join(folder, 'data')
    mkdirSync(join(data, 'inner'), { recursive: true })
    for (let index = 0; index < 40; index++)
      writeFileSync(join(data, 'inner', `file ${index}`), `content ${index}\n`.repeat(index * 50))
    const backup = await bin('holdfast', ['backup', data])
    expect(backup).toMatchObject({ stdout: expect.stringContaining('Backed up') as string, stderr: '' })
    const restored = await bin('restore', ['--target', join(folder, 'restored')])
    expect(restored).toMatchObject({
      stdout: expect.stringContaining('Restored: files') as string,
      stderr: '',
    })
    await run('diff', ['-r', data, join(folder, 'restored')])
    expect((await bin('holdfast', ['verify', '--read-data'])).stdout).toContain('Verified: files')

    // The same without npm.
    await run('tar', ['-xzf', packed.filename], { cwd: folder })
    await bin('restore', ['--target', join(folder, 'restored-unpacked')], {
      directory: join(folder, 'package/bin'),
    })
    await run('diff', ['-r', data, join(folder, 'restored-unpacked')])
  })

  test('loads every command', async () => {
    const { stdout } = await bin('holdfast', ['--help'])
    const commands = Array.from(stdout.matchAll(/^ {2}([a-z][a-z-]+)(?= |$)/gm), ([, name]) => name!)
    expect(commands).toContain('custodian')
    for (const command of commands) {
      const help = await bin('holdfast', command === 'help' ? ['help'] : [command, '--help'])
      expect(help).toMatchObject({ stdout: expect.stringContaining('Usage: holdfast') as string, stderr: '' })
    }
  })

  test('leaves a process behind a push of WAL, which serves the next one', async () => {
    const runtime = join(folder, 'runtime')
    const sockets = join(runtime, `holdfast-wal-${process.geteuid!()}`)
    for (const made of ['pgdata/pg_wal', 'pgdata/global', 'runtime'])
      mkdirSync(join(folder, made), { recursive: true })
    // The system identifier stands first.
    writeFileSync(join(folder, 'pgdata/global/pg_control'), Buffer.alloc(8, 1))
    const history = join(folder, 'pgdata/pg_wal/00000002.history')
    writeFileSync(history, '1\t0/3000000\tno recovery target specified\n')
    await bin('holdfast', ['wal-push', history, '--source', 'wal'], {
      variables: { XDG_RUNTIME_DIR: runtime },
    })
    await expect.poll(() => globSync('*', { cwd: sockets }), { timeout: 20_000 }).toHaveLength(1)
    const socket = join(sockets, globSync('*', { cwd: sockets })[0]!)
    expect(await askResident(socket, { file: history })).toMatchObject({ result: { outcome: 'repeated' } })
    for (const pid of processesWith(socket)) process.kill(pid)
  })

  test('walks a large source in a thread of its own', async () => {
    const data = join(folder, 'many')
    for (let index = 0; index < 50_000; index++) {
      const inner = join(data, String(index % 100))
      if (index < 100) mkdirSync(inner, { recursive: true })
      writeFileSync(join(inner, String(index)), '')
    }
    const command = ['backup', data, '--source', 'many', '--json']
    await bin('holdfast', command)
    const { stdout } = await bin('holdfast', command)
    expect(JSON.parse(stdout)).toMatchObject({ complete: true, files: 50_000, bytesNew: 0 })
  })

  test('tells an older Node what it needs', async () => {
    const version = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.1.0"})'
    for (const entry of ['main', 'restore-main']) {
      const file = join(installed, `dist/restore-cli/${entry}.js`)
      await expect(run(process.execPath, ['--import', version, file])).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^error: this is Node 20\.1\.0, and Holdfast needs/) as string,
      })
    }
  })
})

describe('the package for Pulumi programs', () => {
  const examples = join(folder, 'examples')

  beforeAll(() => {
    // A program lists these optional peers itself; here they are the repository's own.
    symlinkSync(join(repository, 'node_modules/@pulumi'), join(folder, 'node_modules/@pulumi'))
    cpSync(join(repository, 'examples'), examples, { recursive: true })
    cpSync(join(repository, 'test/fixtures/mocked-program.ts'), join(folder, 'mocked-program.mts'))
  })

  const runExample = async (name: string) => {
    const { stdout } = await run(
      process.execPath,
      ['mocked-program.mts', join(examples, name, 'program.ts')],
      {
        cwd: folder,
        env,
        maxBuffer: 16 * 1024 * 1024,
      },
    )
    return JSON.parse(stdout) as { declared: string[]; outputs: Record<string, unknown> }
  }

  test("runs the examples under Pulumi's mocks", async () => {
    const vault = await runExample('vault-in-a-stack')
    expect(vault.declared).toContain(
      'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration vault',
    )
    expect(vault.outputs).toMatchObject({ vaultBucket: 'holdfast-vault-111111111111-eu-central-1-an' })
    const agent = await runExample('agent-beside-your-roles')
    expect(agent.declared).toContain('aws:iam/policy:Policy agent-boundary-staging')
    expect(agent.outputs).toMatchObject({ agent: 'arn:mock:agent-staging' })
  })

  test('brings the types of what it exports', () => {
    const declaration = readFileSync(join(folder, 'node_modules/holdfast/dist/infra/pulumi.d.ts'), 'utf8')
    for (const name of ['Vault', 'VaultArgs', 'AgentRole', 'AgentRoleArgs', 'DelayedDeletion'])
      expect(declaration).toMatch(new RegExp(`\\b${name}\\b`))
    expect(
      readFileSync(join(folder, 'node_modules/holdfast/dist/infra/components/vault.d.ts'), 'utf8'),
    ).toContain('Minimum days for which every recovery point is kept')
  })

  test('checks a preview with its policy pack, in a process as the engine starts it', async () => {
    const bucket = { type: 'aws:s3/bucket:Bucket', name: 'vault', inputs: { objectLockEnabled: true } }
    expect(
      await analyzeWithPack(join(examples, 'policy-pack'), [
        { ...bucket, protect: false },
        { ...bucket, protect: true },
      ]),
    ).toEqual([[expect.stringMatching(/^vault-kept: /)], []])
  })
})
