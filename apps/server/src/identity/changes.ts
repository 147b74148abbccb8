import { inTransaction, type Platform, sql, type Tx } from '../platform/index.ts'
import { CHANNEL, type Principals } from './credentials/principals.ts'

/** Runs a change of people, roles, tokens or sessions in a transaction; nobody believes what was before it once it is done. */
export type Change = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

export function createChange(platform: Platform, principals: Principals): Change {
  return async (work) => {
    const done = await inTransaction(platform.db, async (tx) => {
      const result = await work(tx)
      await sql`select pg_notify(${CHANNEL}, '')`.execute(tx)
      return result
    })
    // NOTIFY reaches this process too, but after the answer: who revokes a token must find it void at once.
    principals.forget()
    return done
  }
}
