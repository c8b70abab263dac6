/**
 * Looks at a source tree, chooses a strategy and writes the Dockerfile.
 *
 * @packageDocumentation
 */
export const placeholder = true;
