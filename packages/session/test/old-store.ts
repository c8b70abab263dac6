import { readFileSync } from "node:fs";
import path from "node:path";
import { openSqlite } from "./sqlite.ts";

/** Makes the two files of a store as the first schema left them, from the fixtures, in a folder that is there. */
export function makeOldStore(folder: string): void {
  for (const name of ["state", "record"]) {
    const client = openSqlite(path.join(folder, `${name}.db`));
    client.exec(readFileSync(new URL(`./fixtures/${name}-0001.sql`, import.meta.url), "utf8"));
    client.close();
  }
}
