import { commonErrors, defineErrors } from "@container-kit/errors";

/** Makes the errors that the program itself has: its arguments and its configuration. */
export const fail = defineErrors(commonErrors);
