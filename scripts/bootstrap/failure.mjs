/** What ends a script in a way that a person can act on: a sentence, and one next step. */
export class Failure extends Error {
  constructor(message, remedy, { exitCode = 1 } = {}) {
    super(message);
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** Runs a script's main function; prints a {@link Failure} in two lines, and anything else with its stack. */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.exitCode = show(error);
  }
}

/** Prints what went wrong and returns the exit status that it stands for. */
export function show(error) {
  if (!(error instanceof Failure)) {
    process.stderr.write(`\n${error.stack}\n`);
    return 1;
  }
  process.stderr.write(`\n✗ ${error.message}\n  ${error.remedy}\n`);
  return error.exitCode;
}
