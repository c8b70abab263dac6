// Counts on in the shared file until it is killed: `counter FOLDER NAME`; says each number that was acknowledged.
import { writeSync } from "node:fs";
import { isKitError } from "@container-kit/errors";
import { openStorage } from "../src/index.ts";
import { countsSchema, createCount } from "./counts.ts";

async function main([folder = "", name = ""]: readonly string[]): Promise<void> {
  const storage = await openStorage(`sqlite:${folder}/`);
  storage.migrate(countsSchema);
  const count = createCount(storage);
  for (;;) {
    const number = await countOn(() => count(name));
    // At once, whoever reads it.
    writeSync(1, `${number}\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async function countOn(work: () => number): Promise<number> {
    try {
      return storage.shared.writeNow(work);
    } catch (error) {
      if (!isKitError(error, "STORE_BUSY")) throw error;
      return storage.shared.write(work);
    }
  }
}

void main(process.argv.slice(2));
