/** The conformance suite on a plugin that does everything that the suite looks at: it is slow, it makes things and takes them back. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { describePluginConformance } from "@container-kit/testkit";
import { zodFolder } from "./packed.ts";

const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "conformance-"));
const shelf = join(folder, "shelf");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = `
import { z } from "zod";
import { rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
const place = (name) => ${JSON.stringify(shelf)} + "/" + name;
export const plugin = { name: "shelf", version: "1.0.0", apiVersion: 1, tools: [
  {
    name: "put_note", title: "Put a note", description: "Writes a note on the shelf under a name.", toolset: "shelf",
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    input: z.object({ name: z.string().regex(/^[a-z]+$/), fails: z.boolean().optional() }), output: z.object({ name: z.string() }),
    async run({ name, fails }, { dryRun, willMake }) {
      if (dryRun) return { name };
      await willMake({ name });
      await writeFile(place(name), "a note");
      if (fails) throw new Error("as asked");
      return { name };
    },
    async undo(notes) { for (const { name } of notes) await rm(place(name), { force: true }); },
  },
  {
    name: "wait_long", title: "Wait", description: "Waits, and heeds its signal only when it is told to.", toolset: "shelf", deadlineMs: 1500,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    input: z.object({ ms: z.number(), deaf: z.boolean().optional() }), output: z.object({ waited: z.boolean() }),
    async run({ ms, deaf }, { signal }) { await sleep(ms, undefined, deaf ? {} : { signal }); return { waited: true }; },
  },
] };`;

mkdirSync(join(folder, "plugin", "node_modules"), { recursive: true });
mkdirSync(shelf);
symlinkSync(await zodFolder(), join(folder, "plugin", "node_modules", "zod"));
writeFileSync(
  join(folder, "plugin", "package.json"),
  JSON.stringify({ name: "shelf", type: "module", dependencies: { zod: "*" } }),
);
writeFileSync(join(folder, "plugin", "index.js"), source);

describePluginConformance("a trusted plugin with effects", {
  cli,
  plugin: join(folder, "plugin"),
  grants: { trusted: true },
  samples: {
    put_note: {
      input: { name: "first" },
      invalid: { name: "NOT" },
      failing: { name: "second", fails: true },
      world: async () => readdirSync(shelf).sort(),
    },
    wait_long: { input: { ms: 1 }, slow: { ms: 1_200 }, endless: { ms: 60_000 } },
  },
});
