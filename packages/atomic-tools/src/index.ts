/**
 * The built-in tools, written as the first plugin.
 *
 * @packageDocumentation
 */
export const placeholder = true;
