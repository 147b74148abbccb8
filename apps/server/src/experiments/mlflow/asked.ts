import { invalid, offsetOf, tokenOf, wrongType } from '@tidemark/mlflow-protocol'
import type { KeyValue } from '../types.ts'

/** The most that a page of experiments or runs may hold. */
export const MAX_PAGE = 50_000

interface Pair {
  readonly key: string
  readonly value: string | undefined
}

/** Tags or parameters as asked; MLflow leaves empty values out. */
export function pairs(list: readonly Pair[] | undefined): KeyValue[] {
  return (list ?? []).map(({ key, value }) => ({ key, value: value ?? '' }))
}

/** The size of a page as asked, in bounds. `from` is where it was asked: MLflow's words show it as it came. @throws MlflowError for 0, less, or more than `most`. */
export function pageSize(
  asked: number | undefined,
  byDefault: number,
  most: number,
  from: 'body' | 'query' = 'body',
): number {
  const size = asked ?? byDefault
  if (size < 1) {
    throw invalid(`Invalid value ${size} for parameter 'max_results' supplied. It must be a positive integer`)
  }
  if (size > most) {
    throw wrongType('max_results', from === 'query' ? String(size) : size)
  }
  return size
}

/** A page and the token of the next; one more than a page is asked for, to see whether there is a next. */
export async function page<T>(
  size: number,
  token: string | undefined,
  ask: (offset: number, limit: number) => Promise<readonly T[]>,
): Promise<{ items: readonly T[]; next: { next_page_token?: string } }> {
  const offset = offsetOf(token)
  const found = await ask(offset, size + 1)
  if (found.length <= size) return { items: found, next: {} }
  return { items: found.slice(0, size), next: { next_page_token: tokenOf(offset + size) } }
}
