import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nativeObstacle } from "./native-library.ts";
import { startPowerRecorder } from "./power-cut.ts";
import { readPowerTrace } from "./power-replay.ts";
import type { DataFate, NameFate } from "./index.ts";

const obstacle = await nativeObstacle();

/** Writes, syncs and says what it did, in the folder and to the file that it is given. */
const PROGRAM = `
const fs = require("node:fs");
const [root, said] = process.argv.slice(1);
const say = (text) => fs.appendFileSync(said, text + "\\n");
const syncFolder = (path) => { const fd = fs.openSync(path); fs.fsyncSync(fd); fs.closeSync(fd); };
const a = fs.openSync(root + "/a", "a");
fs.writeSync(a, "synced;");
fs.fdatasyncSync(a);
say("a is synced");
syncFolder(root);
say("a has a name");
fs.writeSync(a, "not;");
fs.writeSync(a, "either;");
say("more");
fs.mkdirSync(root + "/b");
fs.writeFileSync(root + "/b/draft", "content");
fs.renameSync(root + "/b/draft", root + "/b/file");
say("renamed");
const b = fs.openSync(root + "/b/file", "r+");
fs.fsyncSync(b);
say("b is synced");
fs.ftruncateSync(a, 3);
fs.unlinkSync(root + "/b/file");
fs.writeFileSync(root + "/c-shm", "shared");
say("end");
`;

describe.skipIf(obstacle !== undefined)(
  `power cuts${obstacle === undefined ? "" : `, skipped: ${obstacle}`}`,
  async () => {
    const recorder = obstacle === undefined ? await startPowerRecorder() : undefined;
    const base = mkdtempSync(join(tmpdir(), "power-test-"));
    let count = 0;
    afterAll(() => {
      recorder?.close();
      rmSync(base, { recursive: true });
    });
    if (recorder !== undefined)
      execFileSync(process.execPath, ["-e", PROGRAM, recorder.folder, recorder.said], {
        env: { ...process.env, ...recorder.environment },
      });

    /** The folder as a cut just after these words leaves it, and what was unsynced. */
    function cutAfter(words: string, data: DataFate, names: NameFate = "journaled", random = () => 0) {
      const trace = readPowerTrace(recorder?.trace ?? "", names);
      const line = trace.said.find(({ text }) => text === words);
      trace.advance((line?.index ?? Number.NaN) + 1);
      const folder = join(base, String((count += 1)));
      const { unsynced } = trace.cut(folder, { data, random });
      const read = (name: string) =>
        existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
      return { folder, read, unsynced };
    }

    test("what was synced is there, and of what was not nothing, a torn part or any part", () => {
      expect(cutAfter("more", "drop").read("a")).toBe("synced;");
      expect(cutAfter("more", "prefix", "journaled", () => 0.5).read("a")).toBe("synced;no");
      // The names first, then each write.
      const second = [0, 0.9, 0.1];
      expect(cutAfter("more", "subset", "journaled", () => second.shift() ?? 0.9).read("a")).toBe(
        "synced;\0\0\0\0either;",
      );
      expect(cutAfter("more", "drop").unsynced).toBe(2);
    });

    test("a name is there after a sync of the folder, or of anything where the file system keeps a journal", () => {
      expect(cutAfter("a is synced", "drop", "posix").read("a")).toBeUndefined();
      expect(cutAfter("a is synced", "drop").read("a")).toBe("synced;");
      expect(cutAfter("a has a name", "drop", "posix").read("a")).toBe("synced;");
      expect(cutAfter("renamed", "drop").read("b/file")).toBeUndefined();
      expect(cutAfter("b is synced", "drop", "posix").read("b/file")).toBeUndefined();
      expect(cutAfter("b is synced", "drop").read("b/file")).toBe("content");
    });

    test("what was cut off or removed and not synced is as before or as after, and shared memory is left out", () => {
      const before = cutAfter("end", "drop");
      expect([before.read("a"), before.read("b/file")]).toEqual(["synced;", "content"]);
      const after = cutAfter("end", "subset", "journaled", () => 0.49);
      expect([after.read("a"), readdirSync(after.folder)]).toEqual(["syn", ["a", "b"]]);
    });

    test("the folder in life is as a cut leaves it that takes nothing", () => {
      const whole = cutAfter("end", "prefix", "journaled", () => 0.9999);
      expect(whole.read("a")).toBe(readFileSync(join(recorder?.folder ?? "", "a"), "utf8"));
      expect(whole.read("b/file")).toBeUndefined();
    });
  },
);
