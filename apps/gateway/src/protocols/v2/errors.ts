import { defineError } from '@tidemark/contracts'

/** Errors of the Open Inference Protocol: its clients read `{"error": text}`. None repeats what the caller sent but the names of inputs. */
export const NotAnInferenceRequest = defineError(
  'BAD_REQUEST',
  400,
  (what: string) => `Not an inference request: ${what}`,
)
export const BadTensor = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (name: string, what: string) => `The input "${name.slice(0, 200)}" ${what}.`,
)
export const UnknownOutput = defineError(
  'INVALID_PARAMETER_VALUE',
  400,
  (name: string, known: readonly string[]) =>
    `There is no output "${name.slice(0, 200)}". The outputs are ${known.map((each) => `"${each}"`).join(', ')}.`,
)
