// A watch shows itself while it runs: by metrics over HTTP, and by notifications.
import type { MetricsServer } from '../checks/monitoring/metrics-server.ts'
import type { WatchMetrics } from '../checks/monitoring/watch-metrics.ts'
import type { RunNotices } from '../checks/notifications/notice.ts'
import type { CheckSettings, JobSettings } from '../checks/settings.ts'
import type { JournalFile } from '../checks/watch/journal.ts'
import type { JobRun, WatchProblem } from '../checks/watch/watch.ts'
import type { Invocation } from './invocation.ts'
import { sendNotifications } from './notifications.ts'
import type { Output } from './output.ts'
import { toolVersion } from './tool-version.ts'
import { wallClock } from './wall-clock.ts'

export interface WatchMonitor {
  /** The jobs as the watch has to run them. */
  jobs: Readonly<Record<string, JobSettings>>
  onRun: (run: JobRun) => void
  onProblem: (problem: WatchProblem) => void
  /** Waits for the messages under way. */
  close: () => Promise<void>
}

interface MonitorOptions {
  stateDir: string
  journal: JournalFile
  invocation: Pick<Invocation, 'environment' | 'signal'>
  output: Output
}

/** @throws `invalid-input` for a channel without a URL, or an address that another program has. */
export async function openMonitor(settings: CheckSettings, options: MonitorOptions): Promise<WatchMonitor> {
  const { noticesOfProblem, noticesOfRun } = await import('../checks/watch/watch-notices.ts')
  const tell = await openNotifier(settings, options)
  const metrics = await openMetrics(settings, options)
  return {
    jobs: metrics?.metrics.jobs ?? settings.jobs,
    onRun: (run) => tell.send(noticesOfRun(run, settings.jobs[run.job]!)),
    onProblem: (problem) => {
      metrics?.metrics.addProblem(problem.kind)
      tell.send(noticesOfProblem(problem))
    },
    close: async () => {
      await tell.settle()
      await metrics?.server.close()
    },
  }
}

async function openMetrics(
  { jobs, metrics: address }: CheckSettings,
  { stateDir, journal, output }: MonitorOptions,
): Promise<{ metrics: WatchMetrics; server: MetricsServer } | null> {
  if (address === undefined) return null
  const { WatchMetrics: Metrics } = await import('../checks/monitoring/watch-metrics.ts')
  const { serveMetrics } = await import('../checks/monitoring/metrics-server.ts')
  const metrics = new Metrics({ jobs, stateDirectory: stateDir, journal, toolVersion: toolVersion() })
  const server = await serveMetrics(address, () => metrics.render())
  output.record('watch-metrics', { url: server.url })
  output.text(`metrics at ${server.url}\n`)
  return { metrics, server }
}

/** One message after the other, because each changes the ledger. */
async function openNotifier(
  { notifications: channels }: CheckSettings,
  { stateDir, invocation: { environment, signal }, output }: MonitorOptions,
): Promise<{ send: (notices: RunNotices) => void; settle: () => Promise<unknown> }> {
  if (Object.keys(channels).length === 0) return { send: () => {}, settle: () => Promise.resolve() }
  const { LedgerFile } = await import('../checks/notifications/ledger.ts')
  const { readChannelUrl } = await import('../checks/notifications/channel-settings.ts')
  const { hostname } = await import('node:os')
  for (const [name, channel] of Object.entries(channels))
    if (channel.kind !== 'sns') readChannelUrl(channel, name, environment)
  const ledger = new LedgerFile(stateDir, 'watch')
  const shared = { channels, origin: `the watch on ${hostname()}`, ledger, environment, signal, output }
  let last: Promise<unknown> = Promise.resolve()
  return {
    send: (notices) => {
      // A failure is in the records. The end of the watch ends the messages too, and a defect must not end the watch.
      last = last
        .then(() => sendNotifications({ ...shared, notices, nowMs: wallClock.nowMs() }))
        .catch((error: unknown) => {
          const detail = error instanceof Error ? error.message : String(error)
          if (!signal.aborted) output.record('watch-problem', { kind: 'notification', job: null, detail })
        })
    },
    settle: () => last,
  }
}
