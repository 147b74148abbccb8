import type { FastifyRequest } from 'fastify'
import { WrongContentType } from '../../scoring/errors.ts'
import type { Reading } from '../../scoring/exchange.ts'
import { contentTypeOf } from '../../scoring/headers.ts'
import { readInput } from '../../scoring/input.ts'
import { readJson } from '../../scoring/json.ts'
import { rowsTextOf } from '../../scoring/rowsText.ts'
import type { ServedEndpoint } from '../../snapshot/serving.ts'
import { readCsv } from './csv.ts'
import { readParquet } from './parquet.ts'
import type { Table } from './table.ts'

/** Reads a body by its content type. @throws WrongContentType, NotJson, NotTable, and what the input's check finds */
export function readBody(
  body: Uint8Array,
  { spec }: ServedEndpoint,
  request: FastifyRequest,
): Reading | Promise<Reading> {
  switch (contentTypeOf(request.headers['content-type'])) {
    case 'application/json': {
      const { value, text } = readJson(body)
      const parsedAt = performance.now()
      const { frame, entities } = readInput(value, spec)
      return { frame, entities, rowsText: rowsTextOf(body, text, value, frame), parsedAt }
    }
    case 'text/csv':
      return tableReading(readCsv(body, spec), spec)
    case 'application/vnd.apache.parquet':
      return readParquet(body, spec).then((table) => tableReading(table, spec))
    default:
      throw WrongContentType()
  }
}

function tableReading(table: Table, spec: ServedEndpoint['spec']): Reading {
  const parsedAt = performance.now()
  const { frame, entities } = readInput({ dataframe_split: table }, spec)
  return { frame, entities, parsedAt }
}
