// Encodes line breaks and stars as lone surrogates before the evaluator sees them, because an object key with
// either would slip past a deny. The evaluator makes regular expressions of policy strings, in which `*`
// stops at a line break, and it reads a star in a request's ARN as a wildcard. No decoded request can contain
// a lone surrogate.

const starCode = '\uDC2A'
const lineBreaks = /[\n\r\u2028\u2029]/g

/**
 * The value of a policy variable without a value. It equals nothing, as on AWS ("there is no equal or like
 * value").
 */
export const noValue = '\uDC00none'

/** Starts the tag keys under which aliased keys reach the evaluator: see key-facts.ts. */
export const aliasMark = '\uDC00'

/** Encodes a context value, or a string of a policy: the result has no line breaks and no other lone surrogates. */
export function encodeText(text: string): string {
  return text
    .toWellFormed()
    .replace(lineBreaks, (character) => String.fromCharCode(0xdc00 + (character.charCodeAt(0) & 0xff)))
}

/** Encodes the ARN of a request, in which every character stands for itself. */
export function encodeArn(arn: string): string {
  return arn === '*' ? arn : encodeText(arn).replaceAll('*', starCode)
}

/** Encodes the `Resource` of a policy, in which `${*}` means a star. */
export function encodeArnPattern(pattern: string): string {
  return encodeText(pattern).replaceAll('${*}', starCode)
}
