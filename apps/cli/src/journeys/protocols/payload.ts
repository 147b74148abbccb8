/** What a payload may be made of: rows of the model's table, and files that pandas wrote. */
export interface Given {
  readonly columns: readonly string[]
  readonly data: readonly (readonly (number | string)[])[]
  readonly file: (name: string) => Buffer
}

/** Why our answer is another one on purpose. Both answers are checked: a difference that is none any more fails the journey. */
export interface Otherwise {
  /** Status, and the error code where there is one: `400 BAD_REQUEST`. */
  readonly ours: string
  readonly stock: string
  readonly reason: string
}

/** One request to `/invocations`. */
export interface Payload {
  readonly name: string
  readonly type: string
  readonly body: (given: Given) => string | Buffer
  /** Absent: it is answered alike. */
  readonly otherwise?: Otherwise
}

/** A payload of JSON; a text goes as it is. */
export function json(name: string, value: unknown, otherwise?: Otherwise): Payload {
  return jsonOf(name, () => value, otherwise)
}

/** A payload of JSON that is made of the model's rows. */
export function jsonOf(name: string, value: (given: Given) => unknown, otherwise?: Otherwise): Payload {
  const body = (given: Given) => {
    const made = value(given)
    return typeof made === 'string' ? made : JSON.stringify(made)
  }
  return { name, type: 'application/json', body, ...(otherwise ? { otherwise } : {}) }
}

const BAD = '400 BAD_REQUEST'
const INVALID = '400 INVALID_PARAMETER_VALUE'
const FAILED = '500 VERSION_FAILED'
const ANSWERED = '200'

/** Differences that several payloads show. */
export const otherwise = {
  /** A value of another type, which pandas or numpy would turn into something. */
  strict: {
    ours: BAD,
    stock: ANSWERED,
    reason:
      'The value has not the type that the signature names. Stock turns it into something (true into 1, 7 into "7", any text into true, 120.5 into itself); here it is a mistake, since the answer would be to another question.',
  },
  /** The model's own error. */
  failed: {
    ours: FAILED,
    stock: BAD,
    reason:
      'The model raises. Stock calls whatever a model raises the caller’s mistake; here it is the version’s failure, which is logged and counts against it in a rollout.',
  },
  /** null in a text of "inputs" or "instances". */
  named: {
    ours: ANSWERED,
    stock: ANSWERED,
    reason:
      'A text that is null is missing in each form of JSON. In "inputs" and "instances" stock makes it the text "None", which is no text that anybody sent.',
  },
  /** Found where the model runs. */
  code: {
    ours: INVALID,
    stock: BAD,
    reason: 'Refused by both; stock has two codes for a value that does not fit the signature, by where it notices.',
  },
  csv: {
    ours: ANSWERED,
    stock: BAD,
    reason:
      'Stock cannot read CSV for a model with times, or with arrays; here the cells are read by the signature, in its order for arrays.',
  },
} satisfies Record<string, Otherwise>
