// Holds the write lock of a file for a while: `node lock-holder.mjs FILE MILLISECONDS`; says "locked" when it has it.
// oxlint-disable-next-line no-restricted-imports -- this is storage, only its test folder
import Sqlite from "better-sqlite3";

const [file, milliseconds] = process.argv.slice(2);
const client = new Sqlite(file);
client.exec("BEGIN IMMEDIATE");
process.stdout.write("locked\n");
setTimeout(() => {
  client.exec("ROLLBACK");
  client.close();
}, Number(milliseconds));
