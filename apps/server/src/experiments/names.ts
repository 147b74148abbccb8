import { randomInt } from 'node:crypto'

const ADJECTIVES =
  'able amber bold brave bright calm clever cool eager fair fast fine gentle glad golden grand happy keen kind lively lucky mild noble proud quick quiet rare sharp silver smart spry steady swift tidy warm wise'.split(
    ' ',
  )
const ANIMALS =
  'auk bear bee bream carp cod crab crane dolphin eel finch gull hare heron jay kite lark loon lynx moth newt otter owl perch pike plover puffin ray seal shrew skate snipe sole sprat stork swan tern trout vole whale wren'.split(
    ' ',
  )

/** A name for a run or model that was given none: easy to say and to tell from its neighbours. */
export function randomName(): string {
  const pick = (words: readonly string[]) => words[randomInt(words.length)] ?? ''
  return `${pick(ADJECTIVES)}-${pick(ANIMALS)}-${randomInt(1000)}`
}
