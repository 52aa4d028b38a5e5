// Importing this makes matching a policy's wildcards take time linear in the text: the evaluator compares `*a*a*a*b` by
// backtracking, and whoever may send a session policy or a bucket policy could stop the sandbox for hours with one.

import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
