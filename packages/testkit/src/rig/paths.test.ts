import { expect, test } from "vitest";
import { rigPaths } from "./paths.ts";

test("the folder is named by CONTAINER_KIT_RIG, else lies in the state folder", () => {
  expect(rigPaths({ CONTAINER_KIT_RIG: "/a/b", XDG_STATE_HOME: "/s", HOME: "/h" }).folder).toBe("/a/b");
  expect(rigPaths({ XDG_STATE_HOME: "/s", HOME: "/h" }).folder).toBe("/s/container-kit/rig");
  expect(rigPaths({ HOME: "/h" }).folder).toBe("/h/.local/state/container-kit/rig");
});

test("sockets leave a folder whose path is too long for them", () => {
  const short = rigPaths({ CONTAINER_KIT_RIG: "/short" });
  expect(short.engineSocket).toBe("/short/docker.sock");
  const folder = `/${"long/".repeat(20)}rig`;
  const long = rigPaths({ CONTAINER_KIT_RIG: folder });
  expect(long.engineDataRoot).toBe(`${folder}/data`);
  expect(long.engineSocket).toMatch(/^\/run\/container-kit-[0-9a-f]{12}\/docker\.sock$/);
  expect(long.runFolder).not.toBe(rigPaths({ CONTAINER_KIT_RIG: `${folder}2` }).runFolder);
});
