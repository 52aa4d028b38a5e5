// What falls with a guard, besides its own claim: as data, held to by the tests.
import type { ClaimName } from '../claims.ts'

/** By the guard's name. A guard that isn't here takes nothing along. */
export const consequences: Readonly<Record<string, readonly ClaimName[]>> = {}
