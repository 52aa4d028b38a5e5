// Exported as `holdfast/pulumi`: components for Pulumi programs of your own. They take plain arguments, and read no
// configuration of the stack.
export { AgentRole } from './components/agent-role.ts'
export type { AgentRoleArgs } from './components/agent-role.ts'
export { DelayedDeletion } from './components/delayed-deletion.ts'
export type { DelayedDeletionArgs } from './components/delayed-deletion.ts'
export { Vault } from './components/vault.ts'
export type { VaultArgs, VaultSource, WorkloadTrust } from './components/vault.ts'
