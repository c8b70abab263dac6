import { defineConfig } from "tsup";
import { program } from "../tsup.config.ts";

/** What the benches run, built as the program is. */
export default defineConfig({
  ...program,
  entry: {
    "no-op-server": "bench/no-op-server.ts",
    "no-op-tools": "bench/no-op-tools.ts",
    "record-keeper": "src/record-keeper.ts",
  },
});
