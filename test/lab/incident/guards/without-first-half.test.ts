import { testWithout } from './without-each.ts'

testWithout(0)
