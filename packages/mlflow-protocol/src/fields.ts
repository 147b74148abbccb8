import { invalid, missingValue, wrongType } from './errors.ts'

/** A field of a request message: reads a JSON value as protobuf's JSON mapping does, or throws MLflow's error. */
export interface Field<T, R extends boolean = boolean> {
  readonly read: (value: unknown, path: string) => T
  readonly required: R
  readonly repeated: boolean
}

type Optional<T> = Field<T, false>
type Fields = Readonly<Record<string, Field<unknown>>>

/** What a message gives when it is parsed: required fields are there, others may be undefined. */
export type MessageOf<F extends Fields> = {
  readonly [K in keyof F as F[K]['required'] extends true ? K : never]: F[K] extends Field<infer T> ? T : never
} & {
  readonly [K in keyof F as F[K]['required'] extends true ? never : K]:
    | (F[K] extends Field<infer T> ? T : never)
    | undefined
}

function field<T>(read: Field<T>['read']): Optional<T> {
  return { read, required: false, repeated: false }
}

/**
 * Strings are strict: a number where a string belongs is refused (`"experiment_id": 6`). Half of a surrogate pair becomes U+FFFD, as it would
 * in UTF-8: JSON may hold it, PostgreSQL's jsonb may not.
 */
export const string = field((value, path): string => {
  if (typeof value !== 'string') throw wrongType(path, value)
  return value.toWellFormed()
})

/** int64 and int32: a JSON number or its decimal text. Above 2^53 the nearest number that JSON can carry. */
export const integer = field((value, path): number => {
  const isText = typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value)
  if (!isText && !Number.isInteger(value)) throw wrongType(path, value)
  const number = Number(value)
  if (Math.abs(number) >= 2 ** 63) throw invalid(`Parameter '${path}' is out of range.`)
  return number
})

/** double: a number, its text, or "NaN", "Infinity", "-Infinity". */
export const double = field((value, path): number => {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    const text = value.trim().toLowerCase()
    if (text === 'nan') return Number.NaN
    if (/^\+?inf(inity)?$/.test(text)) return Number.POSITIVE_INFINITY
    if (/^-inf(inity)?$/.test(text)) return Number.NEGATIVE_INFINITY
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) return Number(text)
  }
  throw wrongType(path, value)
})

export const boolean = field((value, path): boolean => {
  if (typeof value === 'boolean') return value
  if (value === 'true' || value === 'True') return true
  if (value === 'false' || value === 'False') return false
  if (typeof value === 'string') throw invalid(`Invalid boolean value: ${value}, must be 'true' or 'false'.`)
  throw wrongType(path, value)
})

/** An enum by its name or its number, on the wire and in query strings. */
export function enumeration<const E extends Readonly<Record<string, number>>>(values: E): Optional<keyof E & string> {
  const byNumber = new Map(Object.entries(values).map(([name, number]) => [String(number), name]))
  return field((value, path) => {
    const name = typeof value === 'string' && Object.hasOwn(values, value) ? value : byNumber.get(String(value))
    if (name === undefined) throw wrongType(path, value)
    return name
  })
}

/** A field that a request must have. */
export function required<T>(of: Field<T>): Field<T, true> {
  return { ...of, required: true }
}

/** A list of a field's values; an error names the item's place, but of a list of strings it shows the whole, as MLflow does. */
export function repeated<T>(of: Field<T>): Optional<readonly T[]> {
  return {
    required: false,
    repeated: true,
    read: (value, path) => {
      if (!Array.isArray(value)) throw wrongType(path, value)
      if (of === (string as unknown) && value.some((item) => typeof item !== 'string')) throw wrongType(path, value)
      return value.map((item: unknown, index) => of.read(item, `${path}[${index}]`))
    },
  }
}

/** A message within a message. */
export function nested<F extends Fields>(fields: F): Optional<MessageOf<F>> {
  const names = Object.keys(fields)
  return field((value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(path, value)
    return readFields(fields, names, value as Record<string, unknown>, `${path}.`)
  })
}

/** A request: parsed from a JSON body or from a query string. */
export interface Message<F extends Fields> {
  readonly fromBody: (body: Readonly<Record<string, unknown>>) => MessageOf<F>
  readonly fromQuery: (query: Readonly<Record<string, unknown>>) => MessageOf<F>
}

/** A request's reader, from its JSON body or its query, as MLflow's protocol buffers would read it. */
export function message<F extends Fields>(fields: F): Message<F> {
  const names = Object.keys(fields)
  return {
    fromBody: (body) => readFields(fields, names, body, ''),
    fromQuery: (query) => {
      const body: Record<string, unknown> = {}
      for (const [key, value] of Object.entries(query)) {
        const many = fields[key]?.repeated === true
        // A parameter given several times where one belongs: the first counts, as in Flask.
        body[key] = many ? (Array.isArray(value) ? value : [value]) : Array.isArray(value) ? value[0] : value
      }
      return readFields(fields, names, body, '')
    },
  }
}

/** A field's value under its own name or in camel case, never under both. What is required must come under its own, as in MLflow. */
function spelled(body: Readonly<Record<string, unknown>>, name: string): unknown {
  if (!name.includes('_')) return body[name]
  const camel = name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase())
  if (!Object.hasOwn(body, camel)) return body[name]
  if (Object.hasOwn(body, name)) {
    throw invalid(`Request specifies both '${name}' and '${camel}'; provide only one of them.`)
  }
  return body[camel]
}

function readFields<F extends Fields>(
  fields: F,
  names: readonly string[],
  body: Readonly<Record<string, unknown>>,
  prefix: string,
): MessageOf<F> {
  const parsed: Record<string, unknown> = {}
  for (const name of names) {
    const definition = fields[name]
    if (!definition) continue
    const other = spelled(body, name)
    let value = definition.required ? body[name] : other
    // Older clients say run_uuid.
    if (name === 'run_id' && (value === undefined || value === null)) value = body.run_uuid
    if (value === undefined || value === null) {
      if (definition.required) throw missingValue(prefix + name)
      continue
    }
    if (definition.required && value === '') throw missingValue(prefix + name)
    parsed[name] = definition.read(value, prefix + name)
  }
  return parsed as MessageOf<F>
}
