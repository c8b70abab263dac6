/** Why a rig could not be had: a message with the values, and one next step. */
export class RigError extends Error {
  override readonly name = "RigError";
  readonly remedy: string;
  /**
   * True where nothing went wrong but nothing can be had here: no engine and no right to install one.
   * Tests are then skipped aloud; any other failure makes them fail.
   */
  readonly unavailable: boolean;

  constructor(
    message: string,
    remedy: string,
    options: { readonly unavailable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.remedy = remedy;
    this.unavailable = options.unavailable ?? false;
  }
}
