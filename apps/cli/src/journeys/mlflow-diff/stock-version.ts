import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLONE } from '../python.ts'

/** The release whose answers count: the one of the lock. */
export const STOCK_VERSION = /^mlflow==([\d.]+)/m.exec(readFileSync(join(CLONE, 'bench/peers/mlflow.txt'), 'utf8'))?.[1]
