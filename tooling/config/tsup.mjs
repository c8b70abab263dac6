/** The one build shape: ESM, one file per entry, declarations by `tsc` (tsup's own need the TypeScript JS API, which 7.0 lacks). */
export const library = (entry = ["src/index.ts"]) => ({
  entry,
  format: ["esm"],
  target: "node20",
  dts: false,
  clean: true,
  sourcemap: true,
  treeshake: true,
});
