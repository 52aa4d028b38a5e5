import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { restoreTestPlan, restoreTestSilenceHours } from '../../checks/restore-test-plan.ts'
import type { EventPattern } from '../../guardrails/alarm-patterns.ts'
import { maxRestoreTestSeconds, restoreTestSteps } from '../../guardrails/restore-test-machine.ts'
import type { RestoreTestStep } from '../../guardrails/restore-test-machine.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { buildProgram } from '../../restore-cli/program.ts'
import { matchesPattern } from '../guardrails/event-pattern.ts'

const vaultId = '111111111111'
const drill = `arn:aws:iam::${vaultId}:role/holdfast/holdfast-drill`

let vault: Recording
let without: Recording
beforeAll(async () => {
  const elsewhere = {
    name: 'archive',
    kind: 'postgres',
    region: 'eu-west-1',
    trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/archive' },
  }
  const beside = {
    name: 'stock',
    kind: 'postgres',
    trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/stock' },
  }
  vault = await recordProgram({
    ...exampleConfig,
    layer: 'vault',
    regions: ['eu-west-1'],
    sources: [...exampleConfig.sources, beside, elsewhere],
  })
  without = await recordProgram({ ...exampleConfig, layer: 'vault', examine: false })
})

const ofType = (type: string, recording = vault) =>
  recording.resources.filter((resource) => resource.type.endsWith(`:${type}`))
const only = (type: string, name: string) => {
  const matches = ofType(type).filter((resource) => resource.name === name)
  if (matches.length !== 1) throw new Error(`${matches.length} of ${type} ${name}`)
  return matches[0]!.inputs
}
const taskOf = (step: RestoreTestStep) => only('TaskDefinition', `examination-rental-db-${step}`)
const containersOf = (task: RecordedResource['inputs']) =>
  JSON.parse(String(task['containerDefinitions'])) as {
    entryPoint: string[]
    command: string[]
    mountPoints: { sourceVolume: string; containerPath: string; readOnly: boolean }[]
    logConfiguration: { options: Record<string, string> }
  }[]
const containerOf = (step: RestoreTestStep) => containersOf(taskOf(step))[0]!

interface State {
  TimeoutSeconds: number
  Parameters: {
    TaskDefinition: string
    NetworkConfiguration: {
      AwsvpcConfiguration: { Subnets: string[]; SecurityGroups: string[]; AssignPublicIp: string }
    }
  }
}
const definition = () =>
  JSON.parse(String(only('StateMachine', 'examination-rental-db')['definition'])) as {
    TimeoutSeconds: number
    States: Record<string, State>
  }
const networkOf = (state: string) =>
  definition().States[state]!.Parameters.NetworkConfiguration.AwsvpcConfiguration

describe('examinations', () => {
  it('are one for each source that can be started, in the region of its backups, and of no other source', () => {
    for (const type of ['StateMachine', 'FileSystem', 'FileSystemPolicy', 'MountTarget']) {
      expect(ofType(type).map(({ name, region }) => [name, region])).toEqual([
        ['examination-archive', 'eu-west-1'],
        ['examination-rental-db', 'eu-central-1'],
        ['examination-stock', 'eu-central-1'],
      ])
    }
    expect(vault.outputs['checks']).toMatchObject({
      examinations: [
        { source: 'rental-db', region: 'eu-central-1', stateMachine: 'holdfast-examination-rental-db' },
        { source: 'stock', region: 'eu-central-1', stateMachine: 'holdfast-examination-stock' },
        { source: 'archive', region: 'eu-west-1', stateMachine: 'holdfast-examination-archive' },
      ],
    })
  })

  it("are made when all that they name is there: EFS refuses a policy with a role that isn't, and Step Functions a machine", () => {
    const component = vault.resources.find(
      ({ type, name }) => type === 'holdfast:checks:Examination' && name === 'examination-rental-db',
    )!
    const waitsFor = component.dependsOn.map((urn) =>
      urn.split('::').slice(-2).join(' ').replace(/^.*\$/, ''),
    )
    expect(waitsFor).toEqual(
      expect.arrayContaining([
        'aws:iam/role:Role drill',
        'aws:iam/role:Role task-execution',
        'aws:iam/rolePolicy:RolePolicy examination-machine',
        'aws:iam/rolePolicy:RolePolicy examination-starter',
        'aws:ecs/cluster:Cluster checks',
        'aws:cloudwatch/logGroup:LogGroup checks',
        'aws:cloudwatch/logGroup:LogGroup examinations',
        'aws:scheduler/scheduleGroup:ScheduleGroup examinations',
      ]),
    )
  })

  it('are none if examine is false, but the log of earlier ones stays', () => {
    expect(
      without.resources
        .filter(({ type, name }) => /:(efs|sfn)\//.test(type) || name.startsWith('examination'))
        .map(({ type }) => type),
    ).toEqual(['aws:cloudwatch/logGroup:LogGroup'])
    expect(without.outputs['checks']).toMatchObject({ examinations: [] })
  })
})

describe('the task that starts what was restored', () => {
  it('has no role, so that it finds no credentials, and no word in its environment', () => {
    expect(taskOf('examine')).not.toHaveProperty('taskRoleArn')
    expect(String(taskOf('examine')['containerDefinitions'])).not.toMatch(
      /secret|environment|AKIA|password|token/i,
    )
  })

  it('reads what was restored by a mount that says no role, writes its answer, and copies to a disk of its own', () => {
    expect(containerOf('examine').mountPoints).toEqual([
      { sourceVolume: 'data', containerPath: '/restore', readOnly: true },
      { sourceVolume: 'answer', containerPath: '/answer', readOnly: false },
      { sourceVolume: 'scratch', containerPath: '/scratch', readOnly: false },
    ])
    const mount = (point: string) => ({
      efsVolumeConfiguration: {
        fileSystemId: 'fs-recorded-examination-rental-db',
        transitEncryption: 'ENABLED',
        authorizationConfig: {
          accessPointId: `fsap-recorded-examination-rental-db-${point}`,
          iam: 'DISABLED',
        },
      },
    })
    expect(taskOf('examine')['volumes']).toEqual([
      { name: 'data', ...mount('data') },
      { name: 'answer', ...mount('answer') },
      { name: 'scratch' },
    ])
    expect(taskOf('examine')['ephemeralStorage']).toEqual({ sizeInGib: 200 })
  })

  it('has a network that leads to registry, logs, image layers and the file system, and to no vault', () => {
    for (const state of ['Empty', 'Examine', 'Check', 'EmptyAgain', 'EmptyAfterFailure']) {
      expect({ state, ...networkOf(state) }).toEqual({
        state,
        Subnets: ['recorded-examinations'],
        SecurityGroups: ['recorded-examinations-examinations', 'recorded-examination-rental-db-hand-over'],
        AssignPublicIp: 'DISABLED',
      })
    }
    expect(only('RouteTable', 'examinations')['routes']).toEqual([])
    const layers = only('VpcEndpoint', 'examinations-s3')
    expect(layers).toMatchObject({ vpcEndpointType: 'Gateway', routeTableIds: ['recorded-examinations'] })
    expect(JSON.parse(String(layers['policy']))).toMatchObject({
      Statement: [
        { Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*'] },
      ],
    })
    expect(String(layers['policy'])).not.toContain('holdfast')
  })

  it('logs where nothing is counted', () => {
    expect(containerOf('examine').logConfiguration.options['awslogs-group']).toBe('/holdfast/examinations')
    // In this class a line that restored data prints can't become a metric.
    expect(only('LogGroup', 'examinations')).toMatchObject({ logGroupClass: 'INFREQUENT_ACCESS' })
    expect(ofType('LogMetricFilter').map(({ inputs }) => inputs['logGroupName'])).not.toContain(
      '/holdfast/examinations',
    )
  })
})

describe('the other tasks', () => {
  it('have a role where they need it: to write what was restored, and to read the vault', () => {
    expect(restoreTestSteps.map((step) => taskOf(step)['taskRoleArn'])).toEqual([
      drill,
      drill,
      undefined,
      undefined,
    ])
    expect(networkOf('Restore')).toMatchObject({
      Subnets: ['recorded-checks'],
      SecurityGroups: ['recorded-checks-tasks', 'recorded-examination-rental-db-hand-over'],
    })
    const mounts = (step: RestoreTestStep) =>
      (
        taskOf(step)['volumes'] as {
          name: string
          efsVolumeConfiguration: { authorizationConfig: { iam: string } }
        }[]
      ).map(({ name, efsVolumeConfiguration }) => `${name} ${efsVolumeConfiguration.authorizationConfig.iam}`)
    expect(mounts('empty')).toEqual(['data ENABLED', 'answer ENABLED'])
    expect(mounts('restore')).toEqual(['data ENABLED'])
    expect(mounts('check')).toEqual(['answer DISABLED'])
  })

  it('that judge an answer only read it, and print the record that is counted', () => {
    expect(containerOf('check').mountPoints).toEqual([
      { sourceVolume: 'answer', containerPath: '/answer', readOnly: true },
    ])
    expect(only('LogMetricFilter', 'examination-rental-db')).toMatchObject({
      logGroupName: '/holdfast/checks',
      pattern:
        '{ ($.type = "checked-examination") && ($.source = "rental-db") && ($.kind = "postgres") && ($.ok IS TRUE) }',
    })
    expect(only('MetricAlarm', 'examination-rental-db')).toMatchObject({
      treatMissingData: 'breaching',
      threshold: 1,
      alarmActions: [`arn:aws:sns:eu-central-1:${vaultId}:holdfast-alarms`],
    })
  })

  it('run the very image that the configuration names, as the user 65534, without a writable disk of its own or a right of the host', () => {
    for (const step of restoreTestSteps) {
      const [container, ...furtherContainers] = containersOf(taskOf(step))
      expect(furtherContainers).toEqual([])
      expect(container).toMatchObject({
        name: 'holdfast',
        image: exampleConfig.image,
        user: '65534:65534',
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ['ALL'] } },
      })
    }
  })

  it.each(restoreTestSteps.filter((step) => step !== 'empty'))(
    'run a command that the CLI has: %s',
    async (step) => {
      const {
        entryPoint,
        command: [name, ...args],
      } = containerOf(step)
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
      expect(entryPoint.at(-1)).toBe('holdfast')
      expect(command?.parseOptions(args).unknown).toEqual([])
      if (step !== 'restore')
        expect(command!.options.find(({ long }) => long === '--run')?.envVar).toBe('HOLDFAST_RUN')
    },
  )
})

describe('the file system between them', () => {
  it("is encrypted, is reached by its access points as one user, and by the hand-over's security group alone", () => {
    expect(only('FileSystem', 'examination-rental-db')).toMatchObject({ encrypted: true })
    for (const directory of ['data', 'answer']) {
      expect(only('AccessPoint', `examination-rental-db-${directory}`)).toMatchObject({
        posixUser: { uid: 65534, gid: 65534 },
        rootDirectory: {
          path: `/${directory}`,
          creationInfo: { ownerUid: 65534, ownerGid: 65534, permissions: '0700' },
        },
      })
    }
    expect(only('MountTarget', 'examination-rental-db')).toMatchObject({
      subnetId: 'recorded-checks',
      securityGroups: ['recorded-examination-rental-db-files'],
    })
    const rules = [...ofType('SecurityGroupIngressRule'), ...ofType('SecurityGroupEgressRule')]
      .filter(({ name }) => name.startsWith('examination'))
      .map(
        ({ name, inputs }) =>
          `${name}: ${String(inputs['securityGroupId'])} ${String(inputs['referencedSecurityGroupId'] ?? inputs['prefixListId'])} ${String(inputs['fromPort'])}-${String(inputs['toPort'])}`,
      )
    expect(rules.filter((rule) => !rule.includes('eu-west-1') && !/archive|stock/.test(rule)).sort()).toEqual(
      [
        'examination-rental-db-into-files: recorded-examination-rental-db-files recorded-examination-rental-db-hand-over 2049-2049',
        'examination-rental-db-to-files: recorded-examination-rental-db-hand-over recorded-examination-rental-db-files 2049-2049',
        'examinations-into-endpoints: recorded-checks-endpoints recorded-examinations-examinations 443-443',
        'examinations-to-endpoints: recorded-examinations-examinations recorded-checks-endpoints 443-443',
        'examinations-to-layers: recorded-examinations-examinations pl-recorded-examinations-s3 443-443',
      ],
    )
  })

  it('of one source is out of reach for the tasks of another in the same network', () => {
    const sources = ['rental-db', 'stock']
    const [firstGroups, secondGroups] = sources.map((source) => {
      const { States } = JSON.parse(
        String(only('StateMachine', `examination-${source}`)['definition']),
      ) as ReturnType<typeof definition>
      const tasks = Object.values(States).flatMap(
        ({ Parameters }) => Parameters?.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups ?? [],
      )
      const files = only('MountTarget', `examination-${source}`)['securityGroups'] as string[]
      const ways = ofType('SecurityGroupEgressRule')
        .filter(({ inputs }) => files.includes(String(inputs['referencedSecurityGroupId'])))
        .map(({ inputs }) => inputs['securityGroupId'])
      const doors = ofType('SecurityGroupIngressRule')
        .filter(({ inputs }) => files.includes(String(inputs['securityGroupId'])))
        .map(({ inputs }) => inputs['referencedSecurityGroupId'])
      expect([ways.length, doors]).toEqual([1, ways])
      return { tasks, ways }
    })
    expect(firstGroups!.tasks).toContain(firstGroups!.ways[0])
    expect(firstGroups!.tasks).not.toContain(secondGroups!.ways[0])
    expect(secondGroups!.tasks).not.toContain(firstGroups!.ways[0])
  })

  it('tells when it is about to become slow, while runs still end in time', () => {
    expect(only('MetricAlarm', 'examination-rental-db-slow')).toMatchObject({
      name: 'holdfast-examination-rental-db-slow',
      metricName: 'BurstCreditBalance',
      dimensions: { FileSystemId: 'fs-recorded-examination-rental-db' },
      alarmActions: [`arn:aws:sns:eu-central-1:${vaultId}:holdfast-alarms`],
    })
  })

  it('is in the zone of those who mount it', () => {
    expect(only('Subnet', 'examinations')).toMatchObject({
      availabilityZone: 'recorded',
      mapPublicIpOnLaunch: false,
    })
  })
})

describe('the image', () => {
  const containerfile = readFileSync(new URL('../../infra/Containerfile', import.meta.url), 'utf8')

  it('has PostgreSQL where the task looks for it, and starts no server of its own', () => {
    // As Debian and PostgreSQL's own archive lay their packages out.
    expect(containerOf('examine').command).toContain('/usr/lib/postgresql/{major}/bin')
    expect(containerfile).toMatch(/^ARG POSTGRES_PACKAGES="postgresql-\d+"$/m)
    expect(containerfile).toContain('create_main_cluster = false')
  })

  it('gives the disk for the copy to the user that tasks run as: ECS takes the owner over from a volume of the same path', () => {
    const scratch = containerOf('examine').mountPoints.find(
      ({ sourceVolume }) => sourceVolume === 'scratch',
    )!.containerPath
    expect(containerfile).toContain(`chown 65534:65534 ${scratch}`)
    expect(containerfile).toContain(`VOLUME ["${scratch}"]`)
    expect(containerfile).toMatch(/^USER 65534:65534$/m)
  })
})

describe('a run', () => {
  it('starts tasks of this very revision, each with an end, and has time for all of them before the alarm on silence', () => {
    const { States, TimeoutSeconds } = definition()
    const tasks = Object.values(States).filter(({ Parameters }) => Parameters !== undefined)
    expect(tasks.length).toBe(6)
    for (const { Parameters, TimeoutSeconds: seconds } of tasks) {
      expect(Parameters.TaskDefinition).toMatch(
        /:task-definition\/holdfast-examination-(empty|restore|examine|check)-rental-db:1$/,
      )
      expect(seconds).toBeGreaterThan(0)
    }
    expect(TimeoutSeconds).toBe(maxRestoreTestSeconds(restoreTestPlan))
    // A day, and the hour within which it starts.
    expect(TimeoutSeconds / 3600 + 25).toBeLessThanOrEqual(restoreTestSilenceHours)
  })

  it('has no task that goes on behind the next one: each that writes what is restored or reads it ends by itself before its state does', () => {
    const { States } = definition()
    const startSeconds = 300
    for (const [step, state] of [
      ['empty', 'Empty'],
      ['empty', 'EmptyAgain'],
      ['empty', 'EmptyAfterFailure'],
      ['restore', 'Restore'],
    ] as const) {
      const [program, killAfter, seconds] = containerOf(step).entryPoint
      expect([program, killAfter]).toEqual(['timeout', '--kill-after=60'])
      expect(Number(seconds)).toBeGreaterThan(0)
      expect(Number(seconds) + 60 + startSeconds).toBeLessThanOrEqual(States[state]!.TimeoutSeconds)
    }
    const minutes = Number(
      containerOf('examine').command[containerOf('examine').command.indexOf('--minutes') + 1],
    )
    expect(minutes * 60 + startSeconds).toBeLessThanOrEqual(States['Examine']!.TimeoutSeconds)
  })

  it('is started every night by a schedule whose role starts nothing else', () => {
    expect(only('Schedule', 'examination-rental-db')).toMatchObject({
      name: 'rental-db',
      groupName: 'holdfast-examinations',
      target: {
        arn: `arn:aws:states:eu-central-1:${vaultId}:stateMachine:holdfast-examination-rental-db`,
        roleArn: `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-examination-starter`,
        input: '{}',
      },
    })
    expect(only('StateMachine', 'examination-rental-db')['roleArn']).toBe(
      `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-examination-machine`,
    )
  })

  it.each([
    ['that failed', 'holdfast-examination-rental-db', 'FAILED', true],
    ['that took too long', 'holdfast-examination-rental-db', 'TIMED_OUT', true],
    ['that somebody stopped', 'holdfast-examination-rental-db', 'ABORTED', true],
    ['that ended well', 'holdfast-examination-rental-db', 'SUCCEEDED', false],
    ['of another machine', 'another', 'FAILED', false],
  ])('%s: the alarm fires, or not', (_, machine, status, isAlarm) => {
    const pattern = JSON.parse(String(only('EventRule', 'examinations')['eventPattern'])) as EventPattern
    const event = {
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      account: vaultId,
      detail: { status, stateMachineArn: `arn:aws:states:eu-central-1:${vaultId}:stateMachine:${machine}` },
    }
    expect(matchesPattern(pattern, event)).toBe(isAlarm)
    expect(only('EventTarget', 'examinations')).toMatchObject({
      rule: 'holdfast-examination-failed',
      arn: `arn:aws:sns:eu-central-1:${vaultId}:holdfast-alarms`,
    })
  })
})
