import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { postgresError } from './errors.ts'

/** The user that the database's processes run as. `drop` is absent when that is the current user. */
export interface Account {
  readonly uid: number
  readonly drop?: { readonly uid: number; readonly gid: number }
}

/**
 * As root: "nobody", because PostgreSQL refuses uid 0 and initdb needs a passwd entry. Otherwise: the current user.
 * @throws NO_DATABASE_ACCOUNT
 */
export function databaseAccount(passwd: string = readFileSync('/etc/passwd', 'utf8')): Account {
  const uid = process.getuid?.() ?? 0
  if (uid !== 0) return { uid }
  const entry = passwd.split('\n').find((line) => line.startsWith('nobody:'))
  const [, , nobody, group] = entry?.split(':') ?? []
  if (!nobody || !group) throw postgresError('NO_DATABASE_ACCOUNT')
  return { uid: Number(nobody), drop: { uid: Number(nobody), gid: Number(group) } }
}

/** What `spawn` needs to run a process as this account; `/` because the account may not enter the current folder. */
export function spawnAs(account: Account): { uid?: number; gid?: number; cwd: string } {
  return account.drop ? { ...account.drop, cwd: '/' } : { cwd: '/' }
}

/**
 * Whether the account can traverse to the folder: asked of the kernel, since mode bits do not tell of access lists and mounts.
 * @throws CANNOT_DROP_ROOT
 */
export function canReach(account: Account, folder: string): boolean {
  if (!account.drop) return true
  const probe = spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], { ...spawnAs(account), stdio: 'ignore' })
  if (probe.error) throw postgresError('CANNOT_DROP_ROOT', probe.error.message)
  return probe.status === 0
}
