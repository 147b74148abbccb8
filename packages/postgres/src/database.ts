import { Client } from 'pg'

/** Runs one unit of work on a connection of its own. Errors of the connection itself surface in the work. */
export async function withClient<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url, application_name: 'tidemark-admin' })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The same connection string with another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(name)}`
  return changed.href
}

/**
 * Creates a database unless it exists.
 * @param url of any database on that server, for a role that may create databases
 * @returns the connection string of the new database
 */
export async function createDatabase(url: string, name: string): Promise<string> {
  await withClient(url, async (client) => {
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`)
    } catch (error) {
      const DUPLICATE_DATABASE = '42P04'
      if (!(error instanceof Error && 'code' in error && error.code === DUPLICATE_DATABASE)) throw error
    }
  })
  return withDatabase(url, name)
}
