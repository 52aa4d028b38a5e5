// The evaluator turns policy strings into regular expressions in which a line break ends what `*` matches, and reads a
// star in a request's ARN as a wildcard. A key that holds either would slip past a deny. So both are written as lone
// surrogates, which no decoded request can contain, before the evaluator sees them.

const starCode = '\uDC2A'
const lineBreaks = /[\n\r\u2028\u2029]/g

/** Stands for a policy variable without a value: equal to nothing, as AWS has it ("there is no equal or like value"). */
export const noValue = '\uDC00none'

/** Starts the tag keys below which the evaluator finds what it doesn't know by name: see key-facts.ts. */
export const aliasMark = '\uDC00'

/** A text without line breaks and lone surrogates; for context values and the strings of a policy. */
export function encodeText(text: string): string {
  return text
    .toWellFormed()
    .replace(lineBreaks, (character) => String.fromCharCode(0xdc00 + (character.charCodeAt(0) & 0xff)))
}

/** The ARN of a request, of which every character stands for itself. */
export function encodeArn(arn: string): string {
  return arn === '*' ? arn : encodeText(arn).replaceAll('*', starCode)
}

/** The `Resource` of a policy, in which `${*}` means a star. */
export function encodeArnPattern(pattern: string): string {
  return encodeText(pattern).replaceAll('${*}', starCode)
}
