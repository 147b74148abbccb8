import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LabelInput } from '@tidemark/contracts'
import type { z } from 'zod'
import { LabelFileRefused } from '../errors.ts'

export type LabelFileFormat = 'ndjson' | 'csv'
type Label = z.output<typeof LabelInput>

const COLUMNS = ['entity', 'prediction', 'row', 'value', 'knownAt']
const WRITE_BYTES = 1 << 20
/** A longer line is no label; and whatever has no end would be held in memory. */
const LONGEST_LINE = 1 << 16

/**
 * Takes a file of labels off the wire and checks every line, before any label is stored. @returns the checked labels in parts, and how to remove them
 * @throws LabelFileRefused naming the first line that is none
 */
export async function checkedLabels(
  source: AsyncIterable<Buffer>,
  format: LabelFileFormat,
  folder: string,
  size: number,
): Promise<{ parts: AsyncIterable<Label[]>; remove: () => Promise<void> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `labels-${randomUUID()}.ndjson`)
  const remove = () => rm(path, { force: true })
  const file = await open(path, 'wx', 0o600)
  try {
    let waiting = ''
    for await (const label of format === 'csv' ? fromCsv(source) : fromNdjson(source)) {
      waiting += `${JSON.stringify(label)}\n`
      if (waiting.length < WRITE_BYTES) continue
      await file.write(waiting)
      waiting = ''
    }
    if (waiting !== '') await file.write(waiting)
    return { parts: partsOf(path, size), remove }
  } catch (error) {
    await remove()
    throw error
  } finally {
    await file.close()
  }
}

async function* partsOf(path: string, size: number): AsyncGenerator<Label[]> {
  let part: Label[] = []
  for await (const line of lines(createReadStream(path))) {
    part.push(JSON.parse(line) as Label)
    if (part.length < size) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

async function* fromNdjson(source: AsyncIterable<Buffer>): AsyncGenerator<Label> {
  let number = 0
  for await (const line of lines(source)) {
    number += 1
    if (line.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw LabelFileRefused(number, 'it is not JSON')
    }
    yield labelOf(value, number)
  }
}

async function* fromCsv(source: AsyncIterable<Buffer>): AsyncGenerator<Label> {
  let header: readonly string[] | undefined
  for await (const { line, fields } of records(source)) {
    if (header === undefined) {
      const unknown = fields.find((name) => !COLUMNS.includes(name))
      if (unknown !== undefined)
        throw LabelFileRefused(line, `"${unknown.slice(0, 50)}" is none of the columns ${COLUMNS.join(', ')}`)
      header = fields
      continue
    }
    if (fields.length === 1 && fields[0] === '') continue
    if (fields.length !== header.length)
      throw LabelFileRefused(line, `it has ${fields.length} fields, the header has ${header.length}`)
    const given = Object.fromEntries(
      header.flatMap((name, place) => (fields[place] === '' ? [] : [[name, fields[place]]])),
    )
    const { row, value } = given
    yield labelOf(
      {
        ...given,
        ...(value === undefined ? {} : { value: numberOr(value) }),
        ...(row === undefined ? {} : { row: Number(row) }),
      },
      line,
    )
  }
}

/** A text that reads as a number is one. */
function numberOr(text: string): number | string {
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}

function labelOf(value: unknown, line: number): Label {
  const parsed = LabelInput.safeParse(value)
  if (!parsed.success)
    throw LabelFileRefused(
      line,
      'it needs "value" and either "entity" or "prediction"; "knownAt" is an instant as in 2001-05-25T00:00:00Z',
    )
  return parsed.data
}

async function* lines(source: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let number = 0
  for await (const chunk of source) {
    const parts = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
    number += parts.length
    if (rest.length > LONGEST_LINE) throw LabelFileRefused(number + 1, `it is longer than ${LONGEST_LINE} characters`)
  }
  if (rest !== '') yield rest
}

/** Records of a CSV file (RFC 4180) with the line they begin in: fields between quotes may hold commas, quotes (doubled) and line ends. */
async function* records(source: AsyncIterable<Buffer>): AsyncGenerator<{ line: number; fields: string[] }> {
  let begin = 1
  let number = 0
  let text = ''
  let inside = false
  const refused = () => LabelFileRefused(begin, 'a quote that opens in it does not close')
  for await (const line of lines(source)) {
    number += 1
    text = inside ? `${text}\n${line}` : line
    // With an odd number of quotes a field goes on in the next line.
    if ((line.split('"').length - 1) % 2 === 1) inside = !inside
    if (inside) {
      if (text.length > LONGEST_LINE) throw refused()
      continue
    }
    yield { line: begin, fields: fieldsOf(text.replace(/\r$/, '')) }
    begin = number + 1
  }
  if (inside) throw refused()
}

function fieldsOf(text: string): string[] {
  if (!text.includes('"')) return text.split(',')
  // Each field with a comma before it: a first one that is empty is found as well.
  return [...`,${text}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}
