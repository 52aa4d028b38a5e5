// Caches the results of a parsed policy's methods. The library's model parses its statements, conditions and
// operators again at every call and compares names by locale, which would be most of the cost of a decision.

const memoized = new WeakSet<object>()

/**
 * Makes each method of `object` without parameters return its first result again, and does the same for the
 * objects that these methods return. For immutable models only.
 */
export function memoizeMethods<T extends object>(object: T): T {
  // Two methods can return the same object.
  if (memoized.has(object)) return object
  memoized.add(object)
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(object))) {
    const method = (object as Record<string, unknown>)[name]
    if (name === 'constructor' || name === 'toJSON' || typeof method !== 'function' || method.length > 0)
      continue
    let result: { value: unknown } | null = null
    const getResult = () => {
      result ??= { value: deepen((method as () => unknown).call(object)) }
      return result.value
    }
    Object.defineProperty(object, name, { value: getResult })
  }
  return object
}

function deepen(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepen)
  const isModel =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== Object.prototype
  return isModel ? memoizeMethods(value) : value
}
