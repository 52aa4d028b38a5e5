// Production of the three weeks: a volume with the directories of two sources, and the work that changes them.
import { existsSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CreateSnapshotCommand, CreateVolumeCommand } from '@aws-sdk/client-ec2'
import type { EC2Client } from '@aws-sdk/client-ec2'
import type { Random } from '../../core/clock.ts'
import type { DrillCloud } from '../incident/cloud.ts'
import { recordFiles } from '../incident/expected-state/files.ts'
import type { DirectoryState } from '../incident/expected-state/files.ts'
import { drawBytes, drawInteger } from '../incident/seeded-random.ts'
import { connectEc2 } from '../incident/steps/produce.ts'
import { exampleAccounts } from '../sandbox/loader/example-config.ts'
import { weekSources } from './calendar.ts'
import type { WeekSource } from './calendar.ts'

const tables = 40
const tableBytes = 8_192
const uploadBytes = 4_096
const firstUploads = 60
const tablesChangedPerDay = 4
const uploadsPerDay = 3

export class Production {
  /** The state of each source at its last backup. */
  readonly lastBackup = new Map<WeekSource, DirectoryState>()
  private readonly cloud: Pick<DrillCloud, 'sandbox'>
  private readonly region: string
  /** Where the host mounts its volume. */
  private readonly mount: string
  private readonly random: Random
  private uploads = 0

  constructor(
    { cloud, region }: { cloud: Pick<DrillCloud, 'sandbox'>; region: string },
    { mount, random }: { mount: string; random: Random },
  ) {
    this.cloud = cloud
    this.region = region
    this.mount = mount
    this.random = random
  }

  /** False after the volume was deleted. */
  get isThere(): boolean {
    return existsSync(this.directoryOf('uploads'))
  }

  directoryOf(source: WeekSource): string {
    return path.join(this.mount, source)
  }

  /** Makes an empty volume, and mounts it where the last one was. */
  async mountNewVolume(): Promise<void> {
    const { VolumeId: id } = await this.ec2((client) =>
      client.send(new CreateVolumeCommand({ AvailabilityZone: `${this.region}a`, Size: 10 })),
    )
    const directory = id === undefined ? null : this.cloud.sandbox.volumeDirectory(id)
    if (id === undefined || directory === null) throw new Error('the production volume was not created')
    await rm(this.mount, { force: true })
    await symlink(directory, this.mount)
    await this.ec2((client) => client.send(new CreateSnapshotCommand({ VolumeId: id })))
  }

  async fill(): Promise<void> {
    for (const source of weekSources) await mkdir(this.directoryOf(source))
    for (let index = 0; index < tables; index++) await this.writeTable(index)
    await this.addUploads(firstUploads)
  }

  /** A day's work: some tables change, and some uploads arrive. */
  async work(): Promise<void> {
    if (!this.isThere) return
    for (let count = 0; count < tablesChangedPerDay; count++)
      await this.writeTable(drawInteger(this.random, 0, tables - 1))
    await this.addUploads(uploadsPerDay)
  }

  recordBackup(source: WeekSource): void {
    this.lastBackup.set(source, recordFiles(this.directoryOf(source)))
  }

  private async writeTable(index: number): Promise<void> {
    await writeFile(
      path.join(this.directoryOf('rental-db'), `table-${index}`),
      drawBytes(this.random, tableBytes),
    )
  }

  private async addUploads(count: number): Promise<void> {
    for (let added = 0; added < count; added++)
      await writeFile(
        path.join(this.directoryOf('uploads'), `upload-${this.uploads++}`),
        drawBytes(this.random, uploadBytes),
      )
  }

  private async ec2<Result>(use: (client: EC2Client) => Promise<Result>): Promise<Result> {
    const { sandbox } = this.cloud
    const credentials = sandbox.rootCredentials(exampleAccounts.production)
    const client = connectEc2(sandbox.endpoint, this.region, credentials)
    try {
      return await use(client)
    } finally {
      client.destroy()
    }
  }
}
