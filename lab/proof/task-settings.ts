// The settings that confine a container task besides its role: its user, its writable paths, and that a task with
// restored data has no role at all. And the mutants of these settings.
import { restoreTestFamily } from '../../guardrails/names.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { Setting } from './setting.ts'

const taskType = 'aws:ecs/taskDefinition:TaskDefinition'
const fileSystemType = 'aws:efs/fileSystem:FileSystem'
const accessPointType = 'aws:efs/accessPoint:AccessPoint'

interface Container {
  user?: string
  readonlyRootFilesystem?: boolean
  linuxParameters?: { capabilities?: { drop?: string[] } }
  mountPoints?: { sourceVolume: string; readOnly: boolean }[]
}

const containerOf = ({ inputs }: RecordedResource) =>
  (JSON.parse(String(inputs['containerDefinitions'])) as [Container])[0]
const withContainer = (task: RecordedResource, change: Partial<Container>): RecordedResource => ({
  ...task,
  inputs: { ...task.inputs, containerDefinitions: JSON.stringify([{ ...containerOf(task), ...change }]) },
})
const withInputs = (resource: RecordedResource, change: Record<string, unknown>): RecordedResource => ({
  ...resource,
  inputs: { ...resource.inputs, ...change },
})
const meetsRestoredData = ({ inputs }: RecordedResource) =>
  ['examine', 'check'].some((step) => String(inputs['family']).startsWith(restoreTestFamily(step, '')))

export function taskSettings(resources: readonly RecordedResource[]): Setting[] {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type)
  return [
    ...ofType(taskType).flatMap((task) => {
      const { user, readonlyRootFilesystem, linuxParameters, mountPoints } = containerOf(task)
      const called = `task ${task.name}`
      const settings: Setting[] = [
        {
          name: `${called}: user`,
          sentence: `The ${called} runs as the user nobody (65534).`,
          holds: user === '65534:65534',
        },
        {
          name: `${called}: disk`,
          sentence: `The ${called} can't write into its own image.`,
          holds: readonlyRootFilesystem === true,
        },
        {
          name: `${called}: capabilities`,
          sentence: `The ${called} has no capabilities of its host.`,
          holds: linuxParameters?.capabilities?.drop?.includes('ALL') === true,
        },
      ]
      if (!meetsRestoredData(task)) return settings
      const writable = (mountPoints ?? [])
        .filter(({ readOnly }) => !readOnly)
        .map(({ sourceVolume }) => sourceVolume)
      return [
        ...settings,
        {
          name: `${called}: no role`,
          sentence: `The ${called} has no role, so restored data can find no credentials.`,
          holds: task.inputs['taskRoleArn'] === undefined,
        },
        {
          name: `${called}: restored data`,
          sentence: `The ${called} can't write the restored data.`,
          holds: !writable.includes('data'),
        },
      ]
    }),
    ...ofType(fileSystemType).map(({ name, inputs }) => ({
      name: `file system ${name}: encryption`,
      sentence: `The file system ${name} is encrypted.`,
      holds: inputs['encrypted'] === true,
    })),
    ...ofType(accessPointType).map(({ name, inputs }) => ({
      name: `access point ${name}: user`,
      sentence: `Clients of the access point ${name} act as the user nobody.`,
      holds: (inputs['posixUser'] as { uid?: number } | undefined)?.uid === 65_534,
    })),
  ]
}

/** Each mutant replaces one resource by a copy without one of the settings. */
export function* taskMutants(
  resources: readonly RecordedResource[],
): Generator<{ id: string; from: RecordedResource; to: RecordedResource }> {
  for (const from of resources) {
    if (from.type === taskType) {
      const called = `task ${from.name}`
      yield { id: `${called}: run by root`, from, to: withContainer(from, { user: '0:0' }) }
      yield {
        id: `${called}: a writable image`,
        from,
        to: withContainer(from, { readonlyRootFilesystem: false }),
      }
      yield { id: `${called}: rights of the host`, from, to: withContainer(from, { linuxParameters: {} }) }
      if (!meetsRestoredData(from)) continue
      yield {
        id: `${called}: with a role`,
        from,
        to: withInputs(from, { taskRoleArn: from.inputs['executionRoleArn'] }),
      }
      const { mountPoints = [] } = containerOf(from)
      if (mountPoints.some(({ sourceVolume }) => sourceVolume === 'data')) {
        yield {
          id: `${called}: restored data to write`,
          from,
          to: withContainer(from, {
            mountPoints: mountPoints.map((mount) => ({ ...mount, readOnly: false })),
          }),
        }
      }
    }
    if (from.type === fileSystemType)
      yield {
        id: `file system ${from.name}: not encrypted`,
        from,
        to: withInputs(from, { encrypted: false }),
      }
    if (from.type === accessPointType)
      yield {
        id: `access point ${from.name}: whoever one says`,
        from,
        to: withInputs(from, { posixUser: undefined }),
      }
  }
}
