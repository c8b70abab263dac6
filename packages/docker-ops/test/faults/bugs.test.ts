/**
 * Bugs that users of other clients met, as tests for this one, where no engine is needed. Each case ends in the oracle.
 * The table of all of them is at the head of bugs.engine.test.ts.
 */
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret } from "@container-kit/observability";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { demultiplex } from "../../src/containers/demultiplex.ts";
import { registryAuthHeader } from "../../src/credentials/auth-header.ts";
import { connectEngine } from "../../src/index.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

/** Starting a program takes a while on a machine that has other work. */
const CONNECT_MS = 3000;

test("B07 ten thousand credentials reach the engine as they are, in the alphabet that it reads", () => {
  const alphabets = new Set<string>();
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (username, password) => {
      const credential = { source: "file", serverAddress: "r:5000", username, password: new Secret(password) } as const;
      const header = registryAuthHeader(credential);
      expect(header).toMatch(/^[\w-]+={0,2}$/);
      for (const letter of header.match(/[-_]/g) ?? []) alphabets.add(letter);
      const sent = JSON.parse(Buffer.from(header, "base64url").toString()) as unknown;
      expect(sent).toEqual({ username, password, serveraddress: "r:5000" });
    }),
    { numRuns: 10_000 },
  );
  expect([...alphabets].sort(), "letters that plain base64 writes otherwise").toEqual(["-", "_"]);
});

describe("B11 a container's log", () => {
  const frame = (stream: number, text: string) => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const split = (bytes: Buffer, size: number) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));

  test("comes out whole however its frames are cut, empty ones among them", async () => {
    const log = Buffer.concat([frame(1, "één\n"), frame(2, ""), frame(2, "two\n"), frame(1, ""), frame(1, "three")]);
    for (let size = 1; size <= log.length; size += 1) {
      expect(await demultiplex(Readable.from(split(log, size)))).toBe("één\ntwo\nthree");
    }
  });

  test("of a frame of seventeen megabytes is kept in part and read to the end", async () => {
    const whole = frame(1, "x".repeat(17_000_000));
    let taken = 0;
    const source = Readable.from(
      (function* read() {
        for (const chunk of split(whole, 32_768)) {
          taken += chunk.length;
          yield chunk;
        }
      })(),
    );
    expect(await demultiplex(source)).toMatch(/^x{60000,140000}$/);
    expect(taken).toBe(whole.length);
  });
});

/** A docker program of the test's own, in place of the real one and the ssh behind it. */
describe("an engine behind ssh", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "docker-program-"));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const connectThrough = async (script: string) => {
    const program = join(folder, "docker");
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
    const env = { HOME: folder, PATH: `${folder}:${process.env["PATH"]}`, DOCKER_HOST: "ssh://somebody@somewhere" };
    return () => connectEngine({ env, connectTimeoutMs: CONNECT_MS });
  };
  const says = (words: string) => `echo '${words}' >&2; exit 255`;
  const changed =
    "@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@@@@\nHost key verification failed.";

  test.each([
    ["whose port is closed", says("ssh: connect to host somewhere port 22: Connection refused"), "ENGINE_UNAVAILABLE"],
    ["that does not take the key", says("somebody@somewhere: Permission denied (publickey)."), "ENGINE_FORBIDDEN"],
    ["whose host key is another", says(changed), "ENGINE_FORBIDDEN"],
    ["that says nothing", "exec sleep 60", "ENGINE_UNAVAILABLE"],
    ["that ends without a word", "exit 0", "ENGINE_UNAVAILABLE"],
    ["whose program writes rubbish", "echo rubbish; exec sleep 60", "ENGINE_PROTOCOL"],
  ])("B13 %s is a failure with its reason, and no program stays", async (_what, script, code) => {
    await expectFailure(await connectThrough(script), { codes: [code], deadlineMs: CONNECT_MS });
  });

  test.each([
    ["its real reason", says("Host key verification failed."), "ENGINE_FORBIDDEN"],
    ["what it said first where it says nothing more", "exec sleep 60", "ENGINE_UNAVAILABLE"],
  ])("B13 whose program only says that its pipe broke is asked again for %s", async (_what, then, code) => {
    const first = join(folder, "first");
    const connect = await connectThrough(
      `[ -e ${first} ] && { ${then}; }; touch ${first}; ${says("error while Copy (stdin to stream): write |1: broken pipe")}`,
    );
    await expectFailure(connect, { codes: [code], deadlineMs: CONNECT_MS });
    expect(existsSync(first)).toBe(true);
  });

  test("B14 leaves nothing behind of two hundred streams that are let go in the middle", async () => {
    const connect = await connectThrough(ENGINE);
    const engine = await connect();
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    let streams = 0;
    const letGo = async () => {
      const archive = await engine.save(["x"]);
      await once(archive, "data");
      archive.destroy();
      streams += 1;
    };
    for (let batch = 0; batch < 20; batch += 1) {
      const ten = () => Promise.all(Array.from({ length: 10 }, letGo));
      await expectTruth(ten, { deadlineMs: 60_000, readBack: () => {} });
    }
    expect(streams).toBe(200);
    for (const until = performance.now() + 2000; open() > before && performance.now() < until;) await sleep(20);
    expect(open()).toBeLessThanOrEqual(before);
    await engine.close();
  });
});

/** Says on its standard output what an engine says, as the docker program hands it through; an archive never ends. */
const ENGINE = `
cr=$(printf '\\r')
while read -r method path version; do
  while read -r line && [ "$line" != "$cr" ]; do :; done
  case "$path" in
    /version) body='{"Version":"20.10.0","ApiVersion":"1.41"}' ;;
    /images/get*) printf 'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n'; exec sleep 60 ;;
    *) body='{}' ;;
  esac
  printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "\${#body}" "$body"
done`;
