// Examinations of restored data, in the vault's account: of every source that is more than files, if the configuration asks for it.
import type * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import {
  examinationMachinePolicy,
  examinationMachineTrustPolicy,
  examinationStarterPolicy,
  examinationStarterTrustPolicy,
} from '../guardrails/examination-policies.ts'
import {
  examinationMachineRoleName,
  examinationName,
  examinationStarterRoleName,
  rolePaths,
} from '../guardrails/names.ts'
import type { VaultPlace } from '../guardrails/names.ts'
import type { CheckNetwork } from './components/check-network.ts'
import { Examination } from './components/examination.ts'
import { ExaminationNetwork } from './components/examination-network.ts'
import { ExaminationPlace } from './components/examination-place.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { placeOf } from './config.ts'
import type { HoldfastConfig, SourceConfig } from './config.ts'
import { examinationSchedule } from '../checks/restore-test-plan.ts'

export interface RegionExaminations {
  place: VaultPlace
  image: string
  network: CheckNetwork
  /** Before anything is made: both services try whether they can become their role, and EFS takes no policy that names one which isn't there. */
  after: readonly pulumi.Resource[]
}

export function deployExaminations(
  config: HoldfastConfig,
  { place, image, network, after }: RegionExaminations,
  provider: aws.Provider,
): void {
  const examined = examinedSources(config).filter((source) => placeOf(config, source).region === place.region)
  if (examined.length === 0) return
  const suffix = place.region === config.region ? '' : `-${place.region}`
  const options = { providers: [provider] }
  const shared = new ExaminationPlace(`examinations${suffix}`, { place }, options)
  const apart = new ExaminationNetwork(`examinations${suffix}`, { place, network }, options)
  for (const { name } of examined) {
    new Examination(
      `examination-${name}`,
      { place, source: name, image, network, apart },
      { ...options, dependsOn: [...after, ...shared.parts] },
    )
  }
}

export function deployExaminationRoles(
  config: HoldfastConfig,
  places: readonly VaultPlace[],
  options: { providers: aws.Provider[] },
): pulumi.Resource[] {
  if (examinedSources(config).length === 0) return []
  const path = rolePaths.checks
  return [
    new ScopedRole(
      'examination-machine',
      {
        roleName: examinationMachineRoleName,
        path,
        description: 'Examinations start their own tasks, and nothing else',
        trust: examinationMachineTrustPolicy(places),
        policy: examinationMachinePolicy(places),
      },
      options,
    ),
    new ScopedRole(
      'examination-starter',
      {
        roleName: examinationStarterRoleName,
        path,
        description: 'Schedules start examinations, and nothing else',
        trust: examinationStarterTrustPolicy(places),
        policy: examinationStarterPolicy(places),
      },
      options,
    ),
  ]
}

/** For `pulumi stack output`. */
export function describeExaminations(config: HoldfastConfig): Record<string, unknown>[] {
  return examinedSources(config).map((source) => ({
    source: source.name,
    schedule: examinationSchedule,
    stateMachine: examinationName(source.name),
    region: placeOf(config, source).region,
  }))
}

function examinedSources({ examine, sources }: HoldfastConfig): SourceConfig[] {
  return examine ? sources.filter(({ kind }) => kind === 'postgres') : []
}
