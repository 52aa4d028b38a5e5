// EC2's operations on volumes and snapshots. A deletion is final, because the sandbox has no recycle bin.

import type { Ec2Resource } from '../condition-keys/ec2.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { XmlElement } from '../protocol/xml.ts'
import type { Ec2Call } from './call.ts'
import { createTagsOf, groupsOf, listOf, requireParameter, tagsOf } from './form.ts'
import type { Storage, StorageKind } from './volumes.ts'

export const ec2Operations: Record<string, (call: Ec2Call) => Promise<XmlElement[]>> = {
  CreateVolume: createVolume,
  DescribeVolumes: (call) => describe(call, 'volume'),
  DeleteVolume: (call) => remove(call, 'volume'),
  CreateSnapshot: createSnapshot,
  DescribeSnapshots: (call) => describe(call, 'snapshot'),
  DeleteSnapshot: (call) => remove(call, 'snapshot'),
  CreateTags: (call) => changeTags(call, 'ec2:CreateTags'),
  DeleteTags: (call) => changeTags(call, 'ec2:DeleteTags'),
}

async function createVolume(call: Ec2Call): Promise<XmlElement[]> {
  const { form } = call
  const snapshotId = form.get('SnapshotId') ?? ''
  const tags = createTagsOf(form, 'volume')
  const created = { arn: call.arn('volume', '*'), requestTags: tags }
  const sources = snapshotId === '' ? [] : [{ arn: call.arn('snapshot', snapshotId) }]
  await allowCreate(call, 'CreateVolume', [created, ...sources], created)
  const source = snapshotId === '' ? null : call.find('snapshot', snapshotId)
  const sizeGib = Number(form.get('Size') ?? source?.sizeGib ?? 0)
  if (!Number.isInteger(sizeGib) || sizeGib < 1 || sizeGib > 65_536)
    throw new AwsError(400, 'InvalidParameterValue', 'The size of a volume must be from 1 to 65536 GiB.')
  const stored = await call.store.create(
    {
      kind: 'volume',
      accountId: call.accountId,
      region: call.region,
      createdMs: call.request.nowMs,
      sizeGib,
      tags,
      availabilityZone: requireParameter(form, 'AvailabilityZone').slice(0, 64),
      volumeType: (form.get('VolumeType') ?? 'gp3').slice(0, 16),
      sourceId: snapshotId === '' ? null : snapshotId,
      description: '',
    },
    source,
  )
  return renderStorage(stored)
}

async function createSnapshot(call: Ec2Call): Promise<XmlElement[]> {
  const { form } = call
  const volumeId = requireParameter(form, 'VolumeId')
  const tags = createTagsOf(form, 'snapshot')
  const storage = call.store.find('volume', volumeId, call.accountId, call.region)
  const created = { arn: call.arn('snapshot', '*'), requestTags: tags }
  const source = { arn: call.arn('volume', volumeId), tags: storage?.tags ?? {} }
  await allowCreate(call, 'CreateSnapshot', [source, created], created)
  const volume = call.find('volume', volumeId)
  const stored = await call.store.create(
    {
      ...volume,
      kind: 'snapshot',
      createdMs: call.request.nowMs,
      tags,
      sourceId: volumeId,
      description: (form.get('Description') ?? '').slice(0, 255),
    },
    volume,
  )
  return renderStorage(stored)
}

// Tags at creation need ec2:CreateTags too, with the operation in ec2:CreateAction.
async function allowCreate(
  call: Ec2Call,
  name: string,
  resources: readonly Ec2Resource[],
  created: { arn: string; requestTags: Record<string, string> },
): Promise<void> {
  if (Object.keys(created.requestTags).length > 0)
    await call.allow('ec2:CreateTags', [{ ...created, createAction: name }])
  await call.allow(`ec2:${name}`, resources)
}

async function describe(call: Ec2Call, kind: StorageKind): Promise<XmlElement[]> {
  await call.allow(kind === 'volume' ? 'ec2:DescribeVolumes' : 'ec2:DescribeSnapshots', [{ arn: '*' }])
  const ids = listOf(call.form, kind === 'volume' ? 'VolumeId' : 'SnapshotId')
  const candidates =
    ids.length === 0
      ? call.store.list(kind, call.accountId, call.region)
      : ids.map((id) => call.find(kind, id))
  const filters = groupsOf(call.form, 'Filter').map((filter) => ({
    name: requireParameter(filter, 'Name'),
    values: listOf(filter, 'Value'),
  }))
  const items = candidates.filter((storage) =>
    filters.every(({ name, values }) => matches(storage, name, values)),
  )
  return [[`${kind}Set`, items.map((storage): XmlElement => ['item', renderStorage(storage)])]]
}

function matches(storage: Storage, name: string, values: string[]): boolean {
  const wildcard = (value: string, pattern: string) =>
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`,
      's',
    ).test(value)
  const hasMatch = (value: string | null | undefined) =>
    value !== null &&
    value !== undefined &&
    values.some((pattern) => pattern.length <= 256 && wildcard(value, pattern))
  if (name.startsWith('tag:')) return hasMatch(storage.tags[name.slice(4)])
  switch (name) {
    case 'tag-key':
      return Object.keys(storage.tags).some((key) => hasMatch(key))
    case 'volume-id':
      return hasMatch(storage.kind === 'volume' ? storage.id : storage.sourceId)
    case 'snapshot-id':
      return hasMatch(storage.kind === 'snapshot' ? storage.id : storage.sourceId)
    case 'status':
      return hasMatch(statusOf(storage))
    case 'owner-id':
      return hasMatch(storage.accountId)
    case 'availability-zone':
      return hasMatch(storage.availabilityZone)
    default:
      throw new AwsError(400, 'InvalidParameterValue', `The filter '${name.slice(0, 64)}' is invalid`)
  }
}

async function remove(call: Ec2Call, kind: StorageKind): Promise<XmlElement[]> {
  const id = requireParameter(call.form, kind === 'volume' ? 'VolumeId' : 'SnapshotId')
  const storage = call.store.find(kind, id, call.accountId, call.region)
  await call.allow(kind === 'volume' ? 'ec2:DeleteVolume' : 'ec2:DeleteSnapshot', [
    { arn: call.arn(kind, id), tags: storage?.tags ?? {} },
  ])
  await call.store.remove(call.find(kind, id))
  return [['return', true]]
}

async function changeTags(call: Ec2Call, action: 'ec2:CreateTags' | 'ec2:DeleteTags'): Promise<XmlElement[]> {
  const ids = listOf(call.form, 'ResourceId')
  const tags = tagsOf(call.form)
  if (ids.length === 0)
    throw new AwsError(400, 'MissingParameter', 'The request must contain the parameter resourceIdSet')
  const kindOf = (id: string): StorageKind => (id.startsWith('snap-') ? 'snapshot' : 'volume')
  const resources = ids.map((id) => ({
    arn: call.arn(kindOf(id), id),
    tags: call.store.find(kindOf(id), id, call.accountId, call.region)?.tags ?? {},
    requestTags: tags,
  }))
  await call.allow(action, resources)
  for (const storage of ids.map((id) => call.find(kindOf(id), id))) {
    const changedTags =
      action === 'ec2:CreateTags'
        ? { ...storage.tags, ...tags }
        : Object.fromEntries(Object.entries(storage.tags).filter(([key]) => tags[key] === undefined))
    call.store.update({ ...storage, tags: changedTags })
  }
  return [['return', true]]
}

function statusOf({ kind }: Storage): string {
  return kind === 'volume' ? 'available' : 'completed'
}

function renderStorage(storage: Storage): XmlElement[] {
  const created = new Date(storage.createdMs).toISOString()
  const tagSet: XmlElement = [
    'tagSet',
    Object.entries(storage.tags).map(([key, value]): XmlElement => [
      'item',
      [
        ['key', key],
        ['value', value],
      ],
    ]),
  ]
  if (storage.kind === 'volume') {
    return [
      ['volumeId', storage.id],
      ['size', storage.sizeGib],
      ['snapshotId', storage.sourceId ?? ''],
      ['availabilityZone', storage.availabilityZone],
      ['status', statusOf(storage)],
      ['createTime', created],
      ['volumeType', storage.volumeType],
      ['encrypted', false],
      tagSet,
    ]
  }
  return [
    ['snapshotId', storage.id],
    ['volumeId', storage.sourceId],
    ['status', statusOf(storage)],
    ['startTime', created],
    ['progress', '100%'],
    ['ownerId', storage.accountId],
    ['volumeSize', storage.sizeGib],
    ['description', storage.description],
    ['encrypted', false],
    tagSet,
  ]
}
