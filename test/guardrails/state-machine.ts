// Runs a state machine as Step Functions does, for what the quarantine's definition uses: Choice, Pass, Task, Wait and Fail, with
// paths into the input and the context, and `States.JsonToString`. Anything else is an error, so that nothing is skipped.
// https://states-language.net/spec.html
type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
type Fields = { [key: string]: Json }

export interface Run {
  outcome: 'succeeded' | 'failed' | 'timed-out'
  calls: { resource: string; parameters: Fields }[]
}

/** @param task answers a call, or throws as the service does; @param clock milliseconds since the epoch, which waits turn. */
export function runStateMachine(definition: object, input: object, task: (resource: string, parameters: Fields) => void, clock: { nowMs: number }): Run {
  const { StartAt, States, TimeoutSeconds } = definition as { StartAt: string; States: Record<string, Fields>; TimeoutSeconds: number }
  const startedMs = clock.nowMs
  const calls: Run['calls'] = []
  let data = structuredClone(input) as Fields
  for (let name = StartAt; ;) {
    if (clock.nowMs - startedMs >= TimeoutSeconds * 1000) return { outcome: 'timed-out', calls }
    const state = States[name]!
    const context = { State: { EnteredTime: new Date(clock.nowMs).toISOString() } }
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
        const parameters = fill(state['Parameters']!) as Fields
        calls.push({ resource: state['Resource'] as string, parameters })
        try {
          task(state['Resource'] as string, parameters)
        } catch (error) {
          const [caught] = state['Catch'] as Fields[]
          data = place(data, caught!['ResultPath'] as string, { Error: (error as Error).name })
          name = caught!['Next'] as string
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
  if (Array.isArray(rule['And'])) return rule['And'].every((each) => holds(each as Fields, data))
  const value = lookUp(rule['Variable'] as string, data)
  if ('IsPresent' in rule) return (value !== undefined) === rule['IsPresent']
  if (typeof rule['StringMatches'] !== 'string') throw new Error(`no such comparison here: ${JSON.stringify(rule)}`)
  const pattern = rule['StringMatches'].split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')
  return typeof value === 'string' && new RegExp(`^${pattern}$`).test(value)
}

function fillTemplate(value: Json, resolve: (path: string) => Json): Json {
  if (Array.isArray(value)) return value.map((each) => fillTemplate(each, resolve))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => (key.endsWith('.$') ? [key.slice(0, -2), resolve(each as string)] : [key, fillTemplate(each, resolve)])))
}

function evaluate(text: string, data: Fields, context: Fields): Json {
  const inner = /^States\.JsonToString\((.+)\)$/.exec(text)
  const value = inner !== null ? JSON.stringify(evaluate(inner[1]!, data, context)) : text.startsWith('$$.') ? lookUp(text.slice(1), context) : lookUp(text, data)
  if (value === undefined) throw new Error(`${text} leads nowhere`)
  return value
}

function lookUp(path: string, data: Json): Json | undefined {
  if (!/^\$(\.\w+)+$/.test(path)) throw new Error(`no such path here: ${path}`)
  return path.split('.').slice(1).reduce<Json | undefined>((value, key) =>
    (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key) ? value[key] : undefined), data)
}

function place(data: Fields, path: string, value: Json): Fields {
  if (!/^\$\.\w+$/.test(path)) throw new Error(`no such path here: ${path}`)
  return { ...data, [path.slice(2)]: value }
}
