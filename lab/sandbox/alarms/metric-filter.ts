// Filters of CloudWatch Logs as the program declares them: one comparison of a JSON field with a text that may end
// with `*`.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
import { HoldfastError } from '../../../core/errors.ts'

export type LogEvent = { readonly [key: string]: unknown }

export interface MetricFilter {
  pattern: string
  /** A number, or the path of a field that holds one. */
  value: string
}

/**
 * The amount that the event adds to the metric; null if it doesn't match.
 * @throws HoldfastError `invalid-input` for a pattern of another form.
 */
export function measure({ pattern, value }: MetricFilter, event: LogEvent): number | null {
  const [, path = '', text = ''] = /^\{ (\$[\w.]+) = "([^"\\*]*\*?)" \}$/.exec(pattern) ?? []
  if (path === '')
    throw new HoldfastError('invalid-input', `the metric filter ${JSON.stringify(pattern)} has another form`)
  const field = fieldAt(event, path)
  if (typeof field !== 'string') return null
  const matches = text.endsWith('*') ? field.startsWith(text.slice(0, -1)) : field === text
  if (!matches) return null
  const amount = value.startsWith('$') ? fieldAt(event, value) : Number(value)
  return typeof amount === 'number' && Number.isFinite(amount) ? amount : null
}

/** @param path `$.detail.object.key` */
function fieldAt(event: LogEvent, path: string): unknown {
  return path
    .split('.')
    .slice(1)
    .reduce<unknown>(
      (parent, key) =>
        typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)
          ? (parent as LogEvent)[key]
          : undefined,
      event,
    )
}
