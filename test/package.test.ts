// The published form: what `npm pack` makes must work in an empty folder, with nothing of the repository at hand.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { region, startWorld, vaultAccount } from './lab/sandbox/world.ts'

const run = promisify(execFile)
const repository = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  npm_config_update_notifier: 'false',
}
const sandbox = await startWorld()

interface Packed {
  filename: string
  files: { path: string; size: number }[]
  unpackedSize: number
}
let packed: Packed

async function bin(name: string, args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  return run(join(folder, 'node_modules', '.bin', name), args, {
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
    },
  })
}

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
    [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      join(folder, packed.filename),
    ],
    { cwd: folder, env },
  )
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  test('holds what it needs and nothing else', () => {
    const odd = packed.files
      .map(({ path }) => path)
      .filter(
        (path) =>
          !/^(bin\/(holdfast|restore)|dist\/.*\.(js|d\.ts)|dist\/blast-radius\/search\/rules\/published-rules\.json|package\.json|README\.md|LICENSE)$/.test(
            path,
          ),
      )
    expect(odd).toEqual([])
    expect(packed.unpackedSize).toBeLessThan(2 * 1024 * 1024)
  })

  test('brings none of the tools that it is developed with', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>
    }
    const modules = readdirSync(join(folder, 'node_modules')).flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(folder, 'node_modules', name)).map((inner) => `${name}/${inner}`)
        : [name],
    )
    // Tests and the sandbox also use parts that the SDK itself is made of.
    const isPartOfSdk = (name: string): boolean => /^@smithy\/|^@aws-sdk\/(?!client-)/.test(name)
    expect(modules.filter((name) => name in devDependencies && !isPartOfSdk(name))).toEqual([])
    expect(modules).toContain('commander')
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
  })
})
