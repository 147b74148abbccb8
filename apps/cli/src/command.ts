/** A command of the CLI: one file in `commands/`, loaded only when it is called. */
export interface Command {
  /** What `tidemark NAME --help` prints: first a line of usage, then what it does and its flags. */
  readonly help: string
  /**
   * @param args what follows the command's name
   * @returns the exit code: 0 done, 1 failed
   * @throws CliError to be printed without a stack
   */
  run(args: string[]): Promise<number>
}
