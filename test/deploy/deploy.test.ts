// The files for machines without the cloud's tasks: systemd and Kubernetes accept them, and their commands exist.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { buildProgram } from '../../restore-cli/program.ts'

const folder = join(import.meta.dirname, '../../deploy')
const units = readdirSync(join(folder, 'systemd'))
const services = units.filter((name) => name.endsWith('.service'))
const timers = units.filter((name) => name.endsWith('.timer'))
const textOf = (unit: string): string => readFileSync(join(folder, 'systemd', unit), 'utf8')
const settingOf = (unit: string, key: string): string | undefined =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(textOf(unit))?.[1]

interface CronJob {
  kind: string
  metadata: { name: string }
  spec: {
    timeZone: string
    concurrencyPolicy: string
    jobTemplate: {
      spec: {
        backoffLimit: number
        template: {
          spec: {
            serviceAccountName: string
            securityContext: object
            containers: { args: string[]; securityContext: object }[]
          }
        }
      }
    }
  }
}

interface ShardJob {
  kind: string
  spec: {
    completionMode?: string
    completions?: number
    parallelism?: number
    template: { spec: { containers: { args: string[] }[] } }
  }
}

const documents = parseAllDocuments(readFileSync(join(folder, 'kubernetes/holdfast.yaml'), 'utf8')).map(
  (document) => document.toJS() as CronJob,
)
const cronJobs = documents.filter(({ kind }) => kind === 'CronJob')

async function expectCommand([name, ...args]: readonly string[]): Promise<void> {
  const program = await buildProgram(
    {
      bin: 'holdfast',
      environment: {},
      signal: new AbortController().signal,
      stdout: process.stdout,
      stderr: process.stderr,
    },
    [name!],
  )
  const command = program.commands.find((candidate) => candidate.name() === name)
  expect(command, name).toBeDefined()
  const operands = name === 'backup' ? ['/srv/data'] : []
  expect(command!.parseOptions(args)).toEqual({ operands, unknown: [] })
}

describe('the units of systemd', () => {
  const commands = services.filter((unit) => unit !== 'holdfast-failed@.service')
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-units-'))
  afterAll(() => rmSync(copy, { recursive: true, force: true }))

  /** systemd-analyze demands that each program exists. */
  function verify(change: (text: string) => string): string {
    cpSync(join(folder, 'systemd'), copy, { recursive: true })
    for (const unit of [...services, ...timers]) {
      const text = textOf(unit).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
      writeFileSync(join(copy, unit), change(text))
    }
    const files = [...services, ...timers].map((unit) => join(copy, unit))
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], {
      encoding: 'utf8',
    })
    return status === 0 ? stdout + stderr : `status ${status}: ${stdout}${stderr}`
  }

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

  it.runIf(hasSystemd)('are understood by systemd, to the last line', () => {
    expect(verify((text) => text)).toBe('')
    expect(verify((text) => text.replace('NoNewPrivileges', 'NoNewPrivilege'))).toContain('NoNewPrivilege')
  })

  it.each(commands)('run a command that the CLI has: %s', async (unit) => {
    const [program, ...args] = settingOf(unit, 'ExecStart')!.split(' ')
    expect(program).toBe('/usr/local/bin/holdfast')
    await expectCommand(args)
  })

  it.each(commands)('page on-call when %s fails, and give it a user and credentials of its own', (unit) => {
    const name = unit.replace('.service', '')
    expect(settingOf(unit, 'OnFailure')).toBe('holdfast-failed@%n.service')
    expect(settingOf(unit, 'User')).toBe(name)
    expect(settingOf(unit, 'EnvironmentFile')).toBe(`/etc/holdfast/${name.replace('holdfast-', '')}.env`)
    expect(readFileSync(join(folder, 'systemd/holdfast.sysusers'), 'utf8')).toContain(`\nu ${name} `)
  })

  it.each(services)('let %s gain no privilege', (unit) => {
    expect(settingOf(unit, 'NoNewPrivileges')).toBe('yes')
    expect(settingOf(unit, 'CapabilityBoundingSet')).toBe('')
    expect(settingOf(unit, 'ProtectSystem')).toBe('strict')
  })

  it('let a drill make its namespaces, also as a job of the watch, and no other command', () => {
    const canUnshare = (unit: string) =>
      settingOf(unit, 'SystemCallFilter') === '@system-service @mount' &&
      settingOf(unit, 'RestrictNamespaces') === undefined
    expect(services.filter(canUnshare)).toEqual(['holdfast-drill.service', 'holdfast-watch.service'])
  })

  it.each(timers)('start at times of UTC, and make up for a missed run: %s', (unit) => {
    expect(settingOf(unit, 'OnCalendar')).toMatch(/ UTC$/)
    expect(settingOf(unit, 'Persistent')).toBe('yes')
    expect(services).toContain(unit.replace('.timer', '.service'))
  })
})

describe('the manifests of Kubernetes', () => {
  it('have a job for each role', () => {
    expect(cronJobs.map(({ metadata }) => metadata.name)).toEqual(
      ['check', 'notary', 'custodian', 'report'].map((name) => `holdfast-${name}`),
    )
  })

  it.each(cronJobs.map((job) => [job.metadata.name, job] as const))(
    'run a command that the CLI has, as a user without rights: %s',
    async (name, { spec }) => {
      expect(spec).toMatchObject({ timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' })
      expect(spec.jobTemplate.spec.backoffLimit).toBe(0)
      const pod = spec.jobTemplate.spec.template.spec
      expect(pod).toMatchObject({ serviceAccountName: name, securityContext: { runAsNonRoot: true } })
      const [container, ...furtherContainers] = pod.containers
      expect(furtherContainers).toEqual([])
      expect(container!.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      await expectCommand(container!.args)
    },
  )

  it('run the commands of the units, as far as they need no local state', () => {
    for (const { metadata, spec } of cronJobs) {
      const line = settingOf(`${metadata.name}.service`, 'ExecStart')!.replace(/ --state-dir \S+/, '')
      expect(line.split(' ').slice(1)).toEqual(spec.jobTemplate.spec.template.spec.containers[0]!.args)
    }
  })
})

describe('the jobs of a restore in shards', () => {
  const jobOf = (file: string): ShardJob =>
    parseAllDocuments(readFileSync(join(folder, 'kubernetes', file), 'utf8'))
      .map((document) => document.toJS() as ShardJob)
      .find(({ kind }) => kind === 'Job')!
  const argsOf = ({ spec }: ShardJob): string[] => spec.template.spec.containers[0]!.args
  const [shards, finish] = ['holdfast-shards.yaml', 'holdfast-shards-finish.yaml'].map(jobOf) as [
    ShardJob,
    ShardJob,
  ]

  it('run commands that the CLI has, and the same one but for the part', async () => {
    for (const job of [shards, finish]) await expectCommand(argsOf(job))
    const withoutPart = argsOf(shards).join(' ').replace('--shard auto/8', '--finish')
    expect(argsOf(finish).join(' ')).toBe(withoutPart)
  })

  it('have a pod for each shard that the command is told of', () => {
    const count = Number(/--shard auto\/(\d+)/.exec(argsOf(shards).join(' '))![1])
    expect(shards.spec).toMatchObject({ completionMode: 'Indexed', completions: count, parallelism: count })
  })

  it('are in the script for Slurm too', () => {
    const script = readFileSync(join(folder, 'slurm/holdfast-shards'), 'utf8')
    expect(script).toContain('--shard "auto/$shards"')
    expect(spawnSync('sh', ['-n', join(folder, 'slurm/holdfast-shards')]).status).toBe(0)
  })
})

it('are all in the package', () => {
  const { files } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8')) as { files: string[] }
  expect(files).toEqual(expect.arrayContaining(['deploy/', 'infra/Containerfile']))
})

describe('the images', () => {
  const text = readFileSync(join(folder, '../infra/Containerfile'), 'utf8')
  const stages = text
    .split(/^(?=FROM )/m)
    .slice(1)
    .map((stage) => ({ first: stage.split('\n')[0]!, text: stage }))

  it('are one of the command line, and one of the checks on top of it', () => {
    expect(stages.map(({ first }) => first)).toEqual([
      expect.stringMatching(/^FROM \S+\/node:24-bookworm-slim AS cli$/),
      'FROM cli AS checks',
    ])
  })

  it('run the tool as no user of the host, with nothing of the build left to run as root', () => {
    for (const stage of stages) expect(stage.text.match(/^USER .*$/gm)!.at(-1)).toBe('USER 65534:65534')
    expect(stages[0]!.text).toMatch(/^ENTRYPOINT \["holdfast"\]$/m)
  })

  it('install the packed tool alone, without scripts of packages', () => {
    expect(text.match(/^COPY .*$/gm)).toEqual(['COPY holdfast-*.tgz /tmp/'])
    expect(text.match(/npm install [^&]*/g)).toEqual([
      'npm install --global --ignore-scripts /tmp/holdfast-*.tgz ',
    ])
    expect(text).not.toMatch(/curl|wget|:latest|sudo|chmod 0?777/)
  })
})
