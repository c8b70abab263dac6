import { configJsonSchema } from "../../config/config-file.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-status.ts";

/** `config schema`: the JSON Schema of container-kit.yaml. */
export const configSchema: Command<undefined> = async (_args, { output }) => {
  const schema = configJsonSchema();
  output.text(JSON.stringify(schema, undefined, 2));
  output.document(schema);
  return EXIT.done;
};
