// One source for 90 days, with an attack or without, judged each night as the checks would judge it.
import { dailyFigures } from '../../checks/behaviour/daily-figures.ts'
import type { DailyFigures, SnapshotFigures } from '../../checks/behaviour/daily-figures.ts'
import { behaviourChecks, judgeHistory } from '../../checks/behaviour/rules.ts'
import { reportedDays } from '../../checks/checks/behaviour.ts'
import { Seeded } from '../simulation/random.ts'
import type { AttackKind } from './attacks.ts'
import { SimulatedWriter } from './simulated-writer.ts'
import type { Workload } from './workloads.ts'

export const trialDays = 90
/** A vault with the usual days of guaranteed retention and of a generation lists the manifests of so many days. */
const vaultDays = 40
/** The attack begins on one of these. */
const firstAttackDay = 45
const lastAttackDay = 80
/** A Monday. */
const epochDay = 20_545
const snapshotsToDetect = 3

export interface TrialOptions {
  workload: Workload
  attack: AttackKind | null
  seed: number
}

export interface Detection {
  /** The number of the snapshot since the attack began, from 1 on. */
  snapshot: number
  rules: string[]
}

interface TrialResult {
  /** Null if the attack was missed, or if there was none. */
  detection: Detection | null
  /** Nights with an alarm, without an attack. */
  falseAlarms: number
}

export function runTrial({ workload, attack, seed }: TrialOptions): TrialResult {
  const { snapshots, uploads, attackDay } = simulate({ workload, attack, seed })
  const operator = new Operator(dailyFigures(snapshots), uploads)
  if (attackDay === null) {
    for (let night = 0; night < trialDays; night++) operator.spend(night)
    return { detection: null, falseAlarms: operator.falseAlarms }
  }
  // Alarms of earlier nights are no longer red when the attack begins.
  for (let night = attackDay - reportedDays; night < attackDay; night++) operator.spend(night)
  for (let snapshot = 1; snapshot <= snapshotsToDetect; snapshot++) {
    const rules = operator.alarmsOf(attackDay + snapshot - 1)
    if (rules.size > 0) return { detection: { snapshot, rules: [...rules] }, falseAlarms: 0 }
  }
  return { detection: null, falseAlarms: 0 }
}

function simulate({ workload, attack, seed }: TrialOptions): {
  snapshots: SnapshotFigures[]
  uploads: SimulatedWriter['uploads']
  attackDay: number | null
} {
  const seeded = new Seeded(seed)
  const { source, pass } = workload.begin(seeded, 1)
  const attackDay = attack === null ? null : firstAttackDay + seeded.below(lastAttackDay - firstAttackDay + 1)
  const running = attack?.begin(seeded)
  const writer = new SimulatedWriter()
  const snapshots: SnapshotFigures[] = []
  const lastDay = attackDay === null ? trialDays - 1 : attackDay + snapshotsToDetect - 1
  for (let day = 0; day <= lastDay; day++) {
    pass(day)
    const isAttacked = attackDay !== null && running !== undefined && day >= attackDay
    const files = isAttacked ? running.strike(source, day - attackDay) : source.files.values()
    snapshots.push(writer.snapshot(files, epochDay + day))
  }
  return { snapshots, uploads: writer.uploads, attackDay }
}

/** The operator of a source: reads each night's findings, and accepts those that are false in the morning. */
class Operator {
  falseAlarms = 0
  private readonly days: readonly DailyFigures[]
  private readonly uploads: SimulatedWriter['uploads']
  private readonly accepted = new Set<string>()

  constructor(days: readonly DailyFigures[], uploads: SimulatedWriter['uploads']) {
    this.days = days
    this.uploads = uploads
  }

  /** A night without an attack. */
  spend(night: number): void {
    if (this.alarmsOf(night).size > 0) this.falseAlarms++
  }

  /** The rules of the findings of a night. Their snapshots are accepted afterwards. */
  alarmsOf(night: number): ReadonlySet<string> {
    const today = epochDay + night
    const days = this.days.filter(({ day }) => day > today - vaultDays && day <= today)
    const history = { days, uploads: this.uploads, today, accepted: this.accepted }
    const odd = behaviourChecks
      .flatMap((check) => judgeHistory(history, check))
      .filter(({ state, day }) => state === 'odd' && day > today - reportedDays)
    for (const { ids } of days.filter(({ day }) => odd.some((verdict) => verdict.day === day)))
      for (const id of ids) this.accepted.add(id)
    return new Set(odd.map(({ rule }) => rule.id))
  }
}
