// The example's workflow, step by step as a runner executes it, against the sandbox with the example's own
// configuration.
import { spawn } from 'node:child_process'
import type { SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Description } from '../../lab/sandbox/description.ts'

const root = join(import.meta.dirname, '../..')
const example = join(root, 'examples/backup-from-github')
const workflow = z
  .object({
    permissions: z.strictObject({}),
    jobs: z.object({
      backup: z.object({
        environment: z.string(),
        permissions: z.strictObject({ contents: z.literal('read'), 'id-token': z.literal('write') }),
        env: z.record(z.string(), z.string()),
        steps: z.array(
          z.object({
            name: z.string().optional(),
            run: z.string().optional(),
            env: z.record(z.string(), z.string()).optional(),
          }),
        ),
      }),
    }),
  })
  .parse(parse(readFileSync(join(example, '.github/workflows/backup.yml'), 'utf8')))
const { backup } = workflow.jobs
const patienceMs = 120_000

test('asks for the subject and the audience that the configuration trusts, and holds no key', () => {
  const config = JSON.parse(readFileSync(join(example, 'holdfast.json'), 'utf8')) as {
    sources: { name: string; trust: { oidc: { subject: string; audience: string } } }[]
  }
  const { name, trust } = config.sources[0]!
  expect(trust.oidc.subject).toMatch(new RegExp(`:environment:${backup.environment}$`))
  expect(backup.steps.find((step) => step.name === 'identity')?.run).toContain(
    `&audience=${trust.oidc.audience}"`,
  )
  expect(backup.env['HOLDFAST_SOURCE']).toBe(name)
  expect(readFileSync(join(example, '.github/workflows/backup.yml'), 'utf8')).not.toMatch(
    /AWS_(ACCESS|SECRET)/,
  )
})

test.runIf(process.platform === 'linux')(
  'its steps back up what a restore by on-call brings back',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-example-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const description = await startSandbox(join(folder, 'sandbox'))
    const tokens = await serveTokens(writerToken(description))
    const runner = prepareRunner(folder, description, tokens)
    for (const { name, run, env } of backup.steps) {
      // The tool is on the path already, as the installation would leave it.
      if (run === undefined || name === 'install') continue
      await runStep(runner, run, { ...backup.env, ...env, DATABASE_URL: 'postgres://reader@db.example/shop' })
    }
    const restored = await restore(description, folder)
    expect(readFileSync(join(restored, 'toc.dat'), 'utf8')).toBe(
      '--dbname=postgres://reader@db.example/shop\n',
    )
  },
  4 * patienceMs,
)

async function startSandbox(directory: string): Promise<Description> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(root, 'lab/sandbox/main.ts'),
      ...['--json', '--dir', directory, '--config', join(example, 'holdfast.json')],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return JSON.parse(line) as Description
}

function writerToken({ roles }: Description): string {
  const token = roles.find(({ arn }) => arn.endsWith('/holdfast-writer-shop-db'))?.webIdentityToken
  if (typeof token !== 'string') throw new Error('the sandbox has no token of the writer')
  return token
}

/** The endpoint of GitHub that gives a job its token, for one audience and with the job's own secret. */
async function serveTokens(value: string): Promise<string> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const isRight =
      request.headers.authorization === 'bearer job-secret' && searchParams.get('audience') === 'holdfast'
    response.writeHead(isRight ? 200 : 403).end(JSON.stringify({ value }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`
}

interface Runner {
  workspace: string
  environmentFile: string
  environment: Record<string, string>
}

function prepareRunner(folder: string, { playground }: Description, tokenUrl: string): Runner {
  const [workspace, programs, temp] = ['workspace', 'bin', 'temp'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [workspace, programs, temp]) mkdirSync(path)
  cpSync(playground.vaultFile, join(workspace, 'vault.json'))
  writeProgram(
    join(programs, 'holdfast'),
    `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${join(root, 'restore-cli/main.ts')}' "$@"`,
  )
  // A stand-in: the example's subject is the way to the vault, and a real server is in the drill.
  writeProgram(
    join(programs, 'pg_dump'),
    'for option; do case $option in --file=*) out=${option#--file=};; --dbname=*) db=$option;; esac; done\nmkdir "$out" && echo "$db" > "$out/toc.dat"',
  )
  const environmentFile = join(folder, 'github-env')
  writeFileSync(environmentFile, '')
  return {
    workspace,
    environmentFile,
    environment: {
      PATH: `${programs}:${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      RUNNER_TEMP: temp,
      GITHUB_ENV: environmentFile,
      ACTIONS_ID_TOKEN_REQUEST_URL: tokenUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job-secret',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  }
}

function writeProgram(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

async function runStep(
  { workspace, environment, environmentFile }: Runner,
  script: string,
  env: Record<string, string>,
): Promise<void> {
  const added = readFileSync(environmentFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
  await succeed('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd: workspace,
    env: { ...environment, ...Object.fromEntries(added), ...env },
  })
}

/** The commands that the sandbox prints for on-call: a code, a login with it, and a restore. */
async function restore({ playground, directory }: Description, folder: string): Promise<string> {
  const [environment, , code, login, restoring] = playground.commands.map(({ command }) => command)
  const env = {
    PATH: process.env['PATH'],
    USER: 'someone',
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    SHELL: '/bin/sh',
  }
  const options = { cwd: root, env }
  const shown = await succeed('sh', ['-c', code!], options)
  await succeed('script', ['-qec', `${environment}\n${login}`, '/dev/null'], options, shown)
  await succeed('sh', ['-c', `${environment}\n${restoring}`], options)
  return join(directory, 'restored')
}

/** The program's output. Not synchronous, because this process serves the tokens meanwhile. */
async function succeed(
  program: string,
  options: readonly string[],
  spawnOptions: SpawnOptions,
  input = '',
): Promise<string> {
  const child = spawn(program, options, { ...spawnOptions, stdio: 'pipe', timeout: patienceMs })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  child.stdin.end(input)
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${output}`)
  return output
}
