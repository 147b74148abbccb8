import type pg from 'pg'

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: Error) => void) => void

/**
 * The same pool for graphile-worker. Its listener (0.18.0, main.js, `listenForChanges`) gives its connection back twice when PostgreSQL
 * goes away while LISTEN is under way; the pool answers that with an error that nobody catches and that ends the process.
 */
export function queuePool(pool: pg.Pool): pg.Pool {
  const connect = (callback?: Connected): Promise<pg.PoolClient> | undefined => {
    if (callback === undefined) return pool.connect()
    pool.connect((error, client, release) => callback(error, client, once(release)))
    return undefined
  }
  return new Proxy(pool, {
    get: (target, name): unknown => (name === 'connect' ? connect : Reflect.get(target, name)),
  })
}

function once(release: (error?: Error) => void): (error?: Error) => void {
  let released = false
  return (error) => {
    if (released) return
    released = true
    release(error)
  }
}
