import { createInterface } from 'node:readline'
import { cliError } from './errors.ts'

/**
 * Reads a password: from the terminal without showing it, else the first line of standard input.
 * Never from the arguments: other users of the machine see those.
 * @throws NO_PASSWORD when there is nothing to read
 */
export async function readPassword(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  const typed = stdin.isTTY ? await readHidden() : await readLine()
  stderr.write('\n')
  if (typed === '') throw cliError('NO_PASSWORD')
  return typed
}

async function readLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, terminal: false })
  for await (const line of lines) {
    lines.close()
    return line
  }
  return ''
}

/** The terminal shows what is typed unless it is raw; then Enter, Ctrl-C and the key to take back are ours to read. */
function readHidden(): Promise<string> {
  const { stdin } = process
  stdin.setRawMode(true)
  return new Promise((resolve) => {
    let typed = ''
    const done = (result: string): void => {
      stdin.setRawMode(false)
      stdin.off('data', onData)
      stdin.pause()
      resolve(result)
    }
    const onData = (chunk: Buffer): void => {
      for (const key of chunk.toString()) {
        if (key === '\r' || key === '\n') done(typed)
        else if (key === '\u0003' || key === '\u0004') done('')
        else typed = key === '\u007f' ? typed.slice(0, -1) : typed + key
      }
    }
    stdin.on('data', onData)
    stdin.resume()
  })
}
