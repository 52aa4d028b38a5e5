// Runs a state machine as Step Functions does, for what the definitions here use: Choice, Pass, Task with Retry and
// Catch, Wait and Fail, with paths into the input and the context, and `States.JsonToString`. Anything else is an
// error, so that nothing is skipped.
// https://states-language.net/spec.html
type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
type Fields = { [key: string]: Json }

export interface Call {
  resource: string
  parameters: Fields
}

export interface Run {
  outcome: 'succeeded' | 'failed' | 'timed-out'
  calls: Call[]
}

type Task<Reply> = (resource: string, parameters: Fields) => Reply

/**
 * @param task answers a call, or throws as the service does; @param clock milliseconds since the epoch, which waits
 * turn.
 */
export function runStateMachine(
  definition: object,
  input: object,
  task: Task<void>,
  clock: { nowMs: number },
): Run {
  const run = stepThrough(definition, input, clock)
  for (let next = run.next(); ;) {
    if (next.done === true) return next.value
    try {
      task(next.value.resource, next.value.parameters)
    } catch (error) {
      next = run.throw(error)
      continue
    }
    next = run.next()
  }
}

/** The same with tasks that take their time. */
export async function runSlowStateMachine(
  definition: object,
  input: object,
  task: Task<Promise<void>>,
  clock: { nowMs: number },
): Promise<Run> {
  const run = stepThrough(definition, input, clock)
  for (let next = run.next(); ;) {
    if (next.done === true) return next.value
    try {
      await task(next.value.resource, next.value.parameters)
    } catch (error) {
      next = run.throw(error)
      continue
    }
    next = run.next()
  }
}

/** The name that every run has here. */
export const executionName = '2d3c4b5a-run_1'

function* stepThrough(
  definition: object,
  input: object,
  clock: { nowMs: number },
): Generator<Call, Run, void> {
  const { StartAt, States, TimeoutSeconds } = definition as {
    StartAt: string
    States: Record<string, Fields>
    TimeoutSeconds: number
  }
  const startedMs = clock.nowMs
  const calls: Call[] = []
  const tries = new Map<string, number>()
  let data = structuredClone(input) as Fields
  for (let name = StartAt; ;) {
    if (clock.nowMs - startedMs >= TimeoutSeconds * 1000) return { outcome: 'timed-out', calls }
    const state = States[name]!
    const context = {
      Execution: { Name: executionName },
      State: { EnteredTime: new Date(clock.nowMs).toISOString() },
    }
    const fill = (value: Json): Json => fillTemplate(value, (path) => evaluate(path, data, context))
    switch (state['Type']) {
      case 'Fail':
        return { outcome: 'failed', calls }
      case 'Wait':
        clock.nowMs += (state['Seconds'] as number) * 1000
        break
      case 'Pass':
        data = place(data, state['ResultPath'] as string, fill(state['Parameters']!))
        break
      case 'Choice': {
        const chosen = (state['Choices'] as Fields[]).find((rule) => holds(rule, data))
        name = (chosen?.['Next'] ?? state['Default']) as string
        continue
      }
      case 'Task': {
        const call = {
          resource: state['Resource'] as string,
          parameters: fill(state['Parameters']!) as Fields,
        }
        calls.push(call)
        try {
          yield call
        } catch (error) {
          const thrown = (error as Error).name
          const again = (state['Retry'] as Fields[] | undefined)?.find(({ ErrorEquals }) =>
            (ErrorEquals as string[]).includes(thrown),
          )
          const tried = tries.get(name) ?? 0
          if (again !== undefined && tried < (again['MaxAttempts'] as number)) {
            clock.nowMs +=
              (again['IntervalSeconds'] as number) * (again['BackoffRate'] as number) ** tried * 1000
            tries.set(name, tried + 1)
            continue
          }
          const [caught] = (state['Catch'] ?? []) as Fields[]
          if (caught === undefined) return { outcome: 'failed', calls }
          data = place(data, caught['ResultPath'] as string | null, { Error: thrown })
          name = caught['Next'] as string
          continue
        }
        break
      }
      default:
        throw new Error(`no such state here: ${JSON.stringify(state['Type'])}`)
    }
    if (state['End'] === true) return { outcome: 'succeeded', calls }
    name = state['Next'] as string
  }
}

function holds(rule: Fields, data: Fields): boolean {
  if (Array.isArray(rule['And'])) return rule['And'].every((condition) => holds(condition as Fields, data))
  const value = lookUp(rule['Variable'] as string, data)
  if ('IsPresent' in rule) return (value !== undefined) === rule['IsPresent']
  if (typeof rule['StringMatches'] !== 'string')
    throw new Error(`no such comparison here: ${JSON.stringify(rule)}`)
  const pattern = rule['StringMatches']
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return typeof value === 'string' && new RegExp(`^${pattern}$`).test(value)
}

function fillTemplate(value: Json, resolve: (path: string) => Json): Json {
  if (Array.isArray(value)) return value.map((item) => fillTemplate(item, resolve))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) =>
      key.endsWith('.$') ? [key.slice(0, -2), resolve(field as string)] : [key, fillTemplate(field, resolve)],
    ),
  )
}

function evaluate(text: string, data: Fields, context: Fields): Json {
  const inner = /^States\.JsonToString\((.+)\)$/.exec(text)
  const value =
    inner !== null
      ? JSON.stringify(evaluate(inner[1]!, data, context))
      : text.startsWith('$$.')
        ? lookUp(text.slice(1), context)
        : lookUp(text, data)
  if (value === undefined) throw new Error(`${text} leads nowhere`)
  return value
}

function lookUp(path: string, data: Json): Json | undefined {
  if (!/^\$(\.\w+)+$/.test(path)) throw new Error(`no such path here: ${path}`)
  return path
    .split('.')
    .slice(1)
    .reduce<Json | undefined>(
      (value, key) =>
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key)
          ? value[key]
          : undefined,
      data,
    )
}

function place(data: Fields, path: string | null, value: Json): Fields {
  if (path === null) return data
  if (!/^\$\.\w+$/.test(path)) throw new Error(`no such path here: ${path}`)
  return { ...data, [path.slice(2)]: value }
}
