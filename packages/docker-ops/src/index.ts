/**
 * Image references, engines, builds, registries and credentials, with every success read back.
 *
 * @packageDocumentation
 */
export const placeholder = true;
