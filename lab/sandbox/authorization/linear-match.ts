// An import of this file makes wildcard matching linear in the length of the text. The evaluator matches
// `*a*a*a*b` by backtracking, so a caller could otherwise stop the sandbox for hours with one session policy
// or bucket policy.

import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
