/**
 * What a tool is, and how one execution of it runs: validated, recorded, bounded in time.
 *
 * @packageDocumentation
 */
export const placeholder = true;
