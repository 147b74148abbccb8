import { join } from 'node:path'
import { ensureEnvironment } from '@tidemark/workers'

/** The Python environment of a lock in python/locks, built on first use. `test` holds what `worker` does and the tools of tests and checks. */
export async function environmentFor(lock: 'worker' | 'test'): Promise<{ readonly dir: string }> {
  return ensureEnvironment(join(import.meta.dirname, `../python/locks/${lock}.txt`))
}
