#!/usr/bin/env node
/**
 * `npm start [-- <path> [options]]`: sets up what is missing, then takes a repository to a pushed image in the registry
 * on this machine. Without a path it is `examples/express-api`. Options go to `container-kit containerize`.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepare, takeFlag } from "./bootstrap/prepare.mjs";
import { root } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { heading } from "./bootstrap/steps.mjs";

const cli = join(root, "apps", "mcp-server", "dist", "cli.js");

await runMain(async () => {
  const args = process.argv.slice(2);
  const mayInstall = !takeFlag(args, "--no-install");
  const given = (args[0] ?? "-").startsWith("-") ? undefined : args.shift();
  // npm runs this in the repository's folder; a path is meant from where the user stands.
  const path = given === undefined ? join(root, "examples", "express-api") : resolve(process.env.INIT_CWD ?? "", given);
  const { rig, unavailable } = await prepare({ mayInstall });
  if (unavailable !== undefined) throw new Failure(unavailable.message, unavailable.remedy, { exitCode: 4 });
  if (!existsSync(cli)) throw new Failure("apps/mcp-server has no command line yet", "Build it: pnpm build");
  heading("Containerize");
  const image = args.includes("--push") ? undefined : { name: imageName(path), tag: imageTag(path) };
  const target = image === undefined ? [] : ["--push", `${rig.registry.host}/${image.name}:${image.tag}`];
  const { code } = await run(process.execPath, [cli, "containerize", path, ...target, ...args], {
    env: { ...process.env, ...rig.environment },
    output: "inherit",
    stdin: "inherit",
  });
  if (code === 0 && image !== undefined && !args.includes("--dry-run")) await showProof(rig.registry, image);
  return code;
});

/** Asks the registry itself, not the job that just claimed success, and prints how to ask it again. */
async function showProof({ host, username, passwordFile, netrcFile }, { name, tag }) {
  const accept = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
  ].join(",");
  const credential = Buffer.from(`${username}:${readFileSync(passwordFile, "utf8")}`).toString("base64");
  const response = await fetch(`http://${host}/v2/${name}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept, authorization: `Basic ${credential}` },
  });
  const digest = response.headers.get("docker-content-digest");
  if (response.status !== 200 || digest === null) {
    throw new Failure(
      `the job reported success, but the registry answers ${response.status} for ${name}:${tag}`,
      "This is a defect of Container Kit: please report it.",
    );
  }
  process.stderr.write(
    [
      "",
      "See for yourself:",
      `  curl -sSI --netrc-file ${netrcFile} -H 'Accept: ${accept}' http://${host}/v2/${name}/manifests/${digest}`,
      "",
    ].join("\n"),
  );
}

/** A folder's name as a repository in a registry may be called. */
function imageName(path) {
  const name = basename(path)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return name === "" ? "app" : name;
}

/** The version that a repository gives itself, as a tag. */
function imageTag(path) {
  try {
    const { version } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    return /^[\w][\w.-]{0,127}$/.test(version) ? version : "latest";
  } catch {
    return "latest";
  }
}
