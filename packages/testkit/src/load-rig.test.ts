import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadRig, requireRig } from "./load-rig.ts";

const folder = mkdtempSync(join(tmpdir(), "load-rig-test-"));
const nowhere = { CONTAINER_KIT_RIG: join(folder, "nowhere") };
afterAll(() => rmSync(folder, { recursive: true }));

test("without a rig there is none, and who needs one is told how to get it", () => {
  expect(loadRig(nowhere)).toBeUndefined();
  expect(() => requireRig(nowhere)).toThrow("there is no engine and no registry yet");
  expect(() => requireRig({ ...nowhere, CONTAINER_KIT_TEST_SKIP_ENGINE: "installing is forbidden" })).toThrow(
    "installing is forbidden",
  );
});

test("a rig that is named and not there is an error, never a silent skip", () => {
  expect(() => loadRig({ CONTAINER_KIT_TEST_RIG: join(folder, "rig.json") })).toThrow(/which does not exist/);
});

test("a rig comes with its password and with the environment that a program needs", () => {
  const rig = {
    engine: { host: "unix:///e.sock", private: true, reason: "", kind: "docker", version: "1" },
    registry: {
      host: "127.0.0.1:5",
      pid: 5,
      username: "u",
      passwordFile: join(folder, "password"),
      netrcFile: "/n",
      dockerConfig: "/d",
    },
    config: "/c.yaml",
    installed: [],
    standins: [],
  };
  writeFileSync(join(folder, "password"), "secret");
  writeFileSync(join(folder, "rig.json"), JSON.stringify(rig));
  const environment = { DOCKER_HOST: "unix:///e.sock", DOCKER_CONFIG: "/d", CONTAINER_KIT_CONFIG: "/c.yaml" };
  expect(loadRig({ CONTAINER_KIT_TEST_RIG: join(folder, "rig.json") })).toEqual({
    ...rig,
    password: "secret",
    environment,
  });
  mkdirSync(join(folder, "usual"));
  writeFileSync(join(folder, "usual", "rig.json"), JSON.stringify({ ...rig, config: null }));
  expect(requireRig({ CONTAINER_KIT_RIG: join(folder, "usual") }).environment).not.toHaveProperty(
    "CONTAINER_KIT_CONFIG",
  );
});
