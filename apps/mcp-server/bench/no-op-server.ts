/**
 * The real server around tools that do nothing: what a call costs before any tool does its work. Everything on the path
 * is what `serve` has: transport, runtime, and the durable record on disk with its keeper.
 *
 * Arguments: the folder of the record, or `-` for none; how many tools.
 */
import { serveStdio } from "../src/mcp/serve-stdio.ts";
import { openBench } from "./no-op-tools.ts";

void main();

async function main(): Promise<void> {
  const [folder = "-", tools = "1"] = process.argv.slice(2);
  const bench = await openBench(folder === "-" ? undefined : folder, Number(tools));
  const serving = serveStdio(process, { ...bench, version: "0.0.0" });
  await serving.closed;
  await serving.drain();
  await bench.close();
}
