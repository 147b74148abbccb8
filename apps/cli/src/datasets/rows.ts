import { readFileSync } from 'node:fs'
import { Json, type JsonValue } from '@tidemark/contracts'
import { z } from 'zod'
import { cliError } from '../errors.ts'

const Rows = z.array(z.record(z.string(), Json))

/** Rows of a file: a JSON array of objects, or a JSON object a line. */
export function readRows(file: string): Record<string, JsonValue>[] {
  try {
    const text = readFileSync(file, 'utf8')
    const raw: unknown = text.trimStart().startsWith('[')
      ? JSON.parse(text)
      : text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => JSON.parse(line))
    return Rows.parse(raw)
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, error instanceof Error ? error.message : String(error))
  }
}
