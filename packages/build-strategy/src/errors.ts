import { commonErrors, defineErrors } from "@container-kit/errors";

/** The codes of this package: the common ones are enough. */
export const buildStrategyErrors = commonErrors;

/** Makes this package's errors. */
export const fail = defineErrors(buildStrategyErrors);
