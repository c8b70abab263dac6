import { mkdirSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { isKitError } from "@container-kit/errors";
import { expect, test } from "vitest";
import { parseStoreUrl } from "./location.ts";

test.each([
  ["sqlite:/a/state.db", "/a", "/a/state.db", "/a/state.record.db"],
  ["sqlite:/a/kit.sqlite3", "/a", "/a/kit.sqlite3", "/a/kit.record.sqlite3"],
  ["sqlite:/a/kit", "/a", "/a/kit", "/a/kit.record"],
  ["sqlite:///a/state.db", "/a", "/a/state.db", "/a/state.record.db"],
  ["SQLite:/a/state.db", "/a", "/a/state.db", "/a/state.record.db"],
  ["sqlite:/a/not-there-yet/", "/a/not-there-yet", "/a/not-there-yet/state.db", "/a/not-there-yet/record.db"],
])("%s keeps its files where it says", (url, folder, state, record) => {
  expect(parseStoreUrl(url)).toMatchObject({ folder, state, record });
});

test("a folder that is there holds all files", () => {
  const folder = path.join(tempFolder(), "store.d");
  mkdirSync(folder);
  expect(parseStoreUrl(`sqlite:${folder}`)).toEqual({
    folder,
    state: path.join(folder, "state.db"),
    record: path.join(folder, "record.db"),
    shared: path.join(folder, "shared.db"),
    journal: path.join(folder, "journal"),
    backups: path.join(folder, "backups"),
    ballast: path.join(folder, "ballast"),
  });
});

test("what lies beside a file bears its name", () => {
  expect(parseStoreUrl("sqlite:/a/kit.db")).toMatchObject({
    shared: "/a/kit.shared.db",
    journal: "/a/kit.journal",
    backups: "/a/kit.backups",
  });
});

test("a relative path starts at the working directory", () => {
  expect(parseStoreUrl("sqlite:kit/state.db").folder).toBe(path.resolve("kit"));
});

test.each([
  ["postgres://kit:hunter22@db/kit", "UNSUPPORTED"],
  ["postgresql://kit:hunter22@db/kit", "UNSUPPORTED"],
  ["sqlite::memory:", "UNSUPPORTED"],
  ["mysql://kit:hunter22@db/kit", "INVALID_INPUT"],
  ["/a/state.db", "INVALID_INPUT"],
  ["sqlite:", "INVALID_INPUT"],
  ["sqlite:a\0b", "INVALID_INPUT"],
  ["sqlite://host/state.db", "INVALID_INPUT"],
  ["", "INVALID_INPUT"],
])("%j is refused with %s, a remedy and no password", (url, code) => {
  const error = thrownBy(() => parseStoreUrl(url));
  expect(error).toMatchObject({ code, remedy: "Write sqlite:PATH, where PATH is a file or a folder." });
  expect(JSON.stringify(error) + String(error)).not.toContain("hunter22");
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    if (isKitError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
