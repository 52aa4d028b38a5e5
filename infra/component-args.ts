// Validates the arguments of the components that other programs import, before a component declares a resource.
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import { assertProviderVersion } from './provider-version.ts'

/**
 * Runs `validate`, and shows its refusal as Pulumi shows mistakes in a program: without a stack trace, with the
 * component and the argument to change.
 * @param component `Vault main`: its class and its name
 */
export function checkedArgs<Args>(component: string, validate: () => Args): Args {
  refuseOldProvider(component)
  try {
    return validate()
  } catch (error) {
    if (error instanceof z.ZodError)
      throw refusal(
        component,
        error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
      )
    if (isHoldfastError(error))
      throw refusal(component, (error.context['problems'] as string[] | undefined) ?? [error.message])
    throw error
  }
}

function refuseOldProvider(component: string): void {
  try {
    assertProviderVersion()
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    throw new pulumi.RunError(`${component}: ${error.message}\nHINT: ${error.hint}`)
  }
}

/**
 * Problems of a configuration name its keys, which the arguments share. The hint speaks of the component alone, because
 * `up --skip-preview` creates what the program declared before it.
 */
function refusal(component: string, problems: readonly string[]): pulumi.RunError {
  const lines = problems.map((problem) => `  ${problem.replaceAll('holdfast:', '')}`)
  return new pulumi.RunError(
    `the arguments of ${component} are invalid:\n${lines.join('\n')}\nHINT: change the listed arguments; nothing of this component was declared`,
  )
}

/** Claimed names by stack, because tests run several stacks in one process. */
const claims = new WeakMap<pulumi.Resource, Map<string, string>>()

/**
 * Claims a name for one component of the stack, because AWS would refuse the second resource of a name halfway
 * through a deployment.
 * @throws HoldfastError `invalid-input` if another component of the stack has it
 */
export function claimName(argument: string, name: string, component: string): void {
  const stack = pulumi.runtime.getStackResource()
  // Programs under Pulumi's own mocks have no stack.
  if (stack === undefined) return
  const names = claims.get(stack) ?? new Map<string, string>()
  claims.set(stack, names)
  const holder = names.get(`${argument} ${name}`)
  if (holder !== undefined)
    throw new HoldfastError('invalid-input', `${argument}: ${holder} of this stack already has ${name}`)
  names.set(`${argument} ${name}`, component)
}
