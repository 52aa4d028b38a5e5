// A base backup by BASE_BACKUP of the replication protocol: the server reads its files and sends them, so that a
// backup needs no access to its host. The server verifies the checksums of its pages. Each file is compared with the
// manifest that it sends at the end.
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import type { Problem, StreamSink, StreamedSource } from '../operations.ts'
import { BaseArchives } from './base-archives.ts'
import { describeBase } from './base-description.ts'
import { assertVersion, stopTimeSql } from './low-level-backup.ts'
import { ReplicationConnection } from './replication.ts'
import { PostgresSession } from './session.ts'
import type { SessionOptions } from './session.ts'
import { awaitWal } from './wal-wait.ts'
import type { WalWait } from './wal-wait.ts'

const firstQuoted = /"(?:\.\/)?([^"]+)"/
const skipped = /special file|symbolic link/

export class StreamedBase implements StreamedSource {
  readonly origin: string
  private readonly options: SessionOptions
  private readonly label: string
  private readonly walWait: WalWait
  /** Why it is unknown whether the vault has the base's WAL; null if it has it. */
  walNote: string | null = null
  /** The server's words about pages whose checksum is wrong; null if it found none. */
  damageNote: string | null = null

  /** @param source a valid name of one: it becomes a part of a command. */
  constructor(source: string, options: SessionOptions, walWait: WalWait) {
    this.options = options
    this.label = `holdfast ${source}`
    this.walWait = walWait
    this.origin = originOf(options.address)
  }

  async send(sink: StreamSink): Promise<{ base: BaseBackup }> {
    const session = await PostgresSession.open(this.options)
    const replication = await ReplicationConnection.open(this.options).catch(async (error: unknown) => {
      await session.close()
      throw error
    })
    try {
      const system = await replication.identify()
      assertVersion({ version: String(system.serverVersion) })
      const archives = new BaseArchives(sink)
      const { end, notices, damage } = await replication.baseBackup(this.label, {
        data: (bytes) => archives.receive(bytes),
        isBehind: () => sink.isBehind,
        drain: () => sink.drain(),
      })
      archives.finish()
      for (const notice of notices) sink.addProblem(problemOf(notice, archives))
      this.damageNote = damage
      // Asked after the end, so that no commit of the base is later.
      const { time } = await session.row(`select ${stopTimeSql} as time`)
      const { systemId, serverVersion, segmentBytes } = system
      const base = describeBase(
        archives.textOf('backup_label'),
        { ...end, time: time! },
        { systemId, serverVersion, segmentBytes, tablespaces: archives.tablespaces },
      )
      this.walNote = await awaitWal(session, base, this.walWait)
      return { base }
    } finally {
      await replication.close()
      await session.close()
    }
  }
}

/** A warning of the server while it read its files. */
function problemOf(text: string, archives: BaseArchives): Problem {
  const name = firstQuoted.exec(text)?.[1] ?? ''
  const detail = text.slice(0, 1000)
  // The rows of a page whose checksum is wrong are as the disk has them. No other copy is at hand.
  if (archives.hasFile(name)) return { path: Buffer.from(name), kind: 'unnoticed', detail }
  if (!skipped.test(text)) return { path: Buffer.alloc(0), kind: 'not-recorded', detail }
  // A server finds its configuration through links in its root; they hold no data.
  return { path: Buffer.from(name), kind: name.includes('/') ? 'outside' : 'not-recorded', detail }
}

/** Host and port alone: the rest may be a secret. */
function originOf(address: string): string {
  const url = new URL(address.replace(/^(postgres(?:ql)?:\/\/[^/?]*@)(?=[/?]|$)/, '$1localhost'))
  const host = url.searchParams.get('host') ?? url.hostname
  const port = url.searchParams.get('port') ?? url.port
  return `BASE_BACKUP of ${host === '' ? 'localhost' : host}${port === '' ? '' : `:${port}`}`
}
