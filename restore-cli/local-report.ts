// A run of checks or drills passes on its report beside the vault: to local files, and to the channels of its settings.
import type { Report } from '../checks/reports/report.ts'
import type { CheckSettings } from '../checks/settings.ts'
import type { Clock } from '../core/clock.ts'
import { HoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'
import { sendNotifications } from './notifications.ts'
import type { Output } from './output.ts'
import { terminalText } from './render/terminal-text.ts'
import { toolVersion } from './tool-version.ts'

export interface LocalReportFlags {
  metrics?: string
  reportFile?: string
  stateDir?: string
}

interface Surroundings {
  settings: Pick<CheckSettings, 'notifications'>
  clock: Pick<Clock, 'nowMs'>
  invocation: Pick<Invocation, 'environment' | 'signal'>
  output: Output
}

/**
 * @returns the first failure, which the caller reports after its own result; null if all went well.
 * @throws the reason of the signal.
 */
export async function passOn(
  report: Report,
  flags: LocalReportFlags,
  surroundings: Surroundings,
): Promise<HoldfastError | null> {
  const fileProblem = await writeLocalFiles(report, flags, surroundings.output)
  const unsent = await notifyOf(report, flags, surroundings)
  return fileProblem ?? unsent
}

async function writeLocalFiles(
  report: Report,
  { metrics, reportFile }: LocalReportFlags,
  output: Output,
): Promise<HoldfastError | null> {
  try {
    if (reportFile !== undefined) {
      const { writeReportFile } = await import('../checks/monitoring/report-file.ts')
      writeReportFile(reportFile, report)
    }
    if (metrics !== undefined) {
      const { renderMetrics } = await import('../checks/monitoring/metrics.ts')
      const { writeMetricsFile } = await import('../checks/monitoring/metrics-file.ts')
      const text = await renderMetrics({ toolVersion: toolVersion(), reports: [report], watch: null })
      writeMetricsFile(metrics, text)
    }
    return null
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    output.record('file-problem', { detail: error.message })
    output.text(`NOT WRITTEN: ${terminalText(error.message)}\n`)
    return error
  }
}

async function notifyOf(
  report: Report,
  { stateDir }: LocalReportFlags,
  { settings: { notifications: channels }, clock, invocation: { environment, signal }, output }: Surroundings,
): Promise<HoldfastError | null> {
  if (Object.keys(channels).length === 0) return null
  const { emptyLedger, LedgerFile } = await import('../checks/notifications/ledger.ts')
  const { noticesOf } = await import('../checks/notifications/notice.ts')
  const { checks } = await import('../checks/registry.ts')
  const ledger = stateDir === undefined ? emptyLedger : new LedgerFile(stateDir, report.vault)
  return sendNotifications({
    ...{ channels, ledger, environment, signal, output },
    origin: report.vault,
    notices: noticesOf(report, checks),
    nowMs: clock.nowMs(),
  })
}
