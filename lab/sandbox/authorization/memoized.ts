// A parsed policy that parses nothing twice: the library's model makes its statements, conditions and operators anew on
// every look, and compares their names by locale, which is most of what a decision would cost.

const memoized = new WeakSet<object>()

/**
 * `object`, of which each method without parameters answers with what it answered first, and so do the objects that it
 * answers with. For immutable models only.
 */
export function memoizeMethods<T extends object>(object: T): T {
  // One object can be the answer of two methods.
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
