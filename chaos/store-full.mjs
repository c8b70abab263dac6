/** A disk that is really full: a small tmpfs that somebody else fills, and makes room on again. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareIds, openLedger } from "./store-ledger.mjs";
import { checkFile, loadStorage, newProof, until } from "./store-parts.mjs";

const SIZE_MB = 32;
/** Within so long after there is room again the store takes promises again. */
const RECOVERY_MS = 5000;

export async function proveFullDisk(folder, random, small) {
  const proof = newProof("a full disk");
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MB}m`, "none", folder], { stdio: "pipe" });
  } catch (error) {
    return { ...proof, skipped: [`mounting a tmpfs: ${String(error.stderr ?? error)}`] };
  }
  try {
    for (let at = 0; at < (small ? 2 : 20); at += 1) await fillOnce(proof, join(folder, String(at)), random);
  } finally {
    // Lazily: a store that could not be closed still holds its files.
    execFileSync("umount", ["-l", folder], { stdio: "pipe" });
  }
  return proof;
}

async function fillOnce(proof, folder, random) {
  mkdirSync(folder);
  const storage = await loadStorage();
  const ledger = await openLedger(storage, `sqlite:${folder}/`);
  const world = { proof, ledger, folder, promised: [], noted: [], shared: [], codes: new Set() };
  const filler = join(folder, "..", "filler");
  proof.count += 1;
  try {
    await work(world, 100 + random.below(300));
    leaveRoom(filler, random.below(600_000));
    // Each takes some kilobytes: what room is left, and what the store gives up itself, is used up.
    await until("the disk is full", async () => {
      await work(world, 50, 4000);
      return world.codes.size > 0;
    }).catch((error) => proof.failures.push(error.message));
    if (world.codes.size > 0) proof.fired += 1;
    rmSync(filler);
    const freed = performance.now();
    await until("promises are taken again", () => promiseOnce(world), 30_000);
    const recovery = performance.now() - freed;
    if (recovery > RECOVERY_MS) proof.failures.push(`it took ${Math.round(recovery)} ms until there was room again`);
    await work(world, 20);
  } catch (error) {
    proof.failures.push(`${error.code ?? error.name} ${error.message}`);
  }
  rmSync(filler, { force: true });
  await ledger.storage.close().catch((error) => proof.failures.push(`it cannot be closed: ${error.message}`));
  for (const code of world.codes) if (code !== "STORE_FULL") proof.failures.push(`a full disk was called ${code}`);
  await checkAll(world, storage);
  rmSync(folder, { recursive: true });
}

/** Leaves so many bytes on the disk, in whole pages. */
function leaveRoom(filler, bytes) {
  const { bavail, bsize } = statfsSync(join(filler, ".."));
  writeFileSync(filler, Buffer.alloc(Math.max(bavail * bsize - bytes, 0)));
}

let number = 0;

async function promiseOnce(world, size = 300) {
  const id = `p${(number += 1)}`;
  try {
    await world.ledger.promise(id, "x".repeat(size));
    world.promised.push(id);
    return true;
  } catch (error) {
    world.codes.add(error.code ?? error.message);
    return false;
  }
}

async function work(world, rounds, size = 300) {
  for (let round = 0; round < rounds; round += 1) {
    await promiseOnce(world, size);
    const id = `n${(number += 1)}`;
    try {
      world.ledger.note(id, "x".repeat(size));
      world.noted.push(id);
      await world.ledger.share(id, "x".repeat(size));
      world.shared.push(id);
    } catch (error) {
      world.codes.add(error.code ?? error.message);
    }
  }
}

async function checkAll({ proof, folder, promised, noted, shared }, storage) {
  const again = await openLedger(storage, `sqlite:${folder}/`);
  const lost = compareIds(promised, again.promised());
  const gone = compareIds(noted, await again.noted());
  const unshared = compareIds(shared, again.shared());
  await again.storage.close();
  if (unshared.missing.length > 0) proof.failures.push(`${unshared.missing.length} shared rows lost`);
  if (lost.missing.length > 0) proof.failures.push(`${lost.missing.length} promises lost`);
  if (gone.missing.length > 0) proof.failures.push(`${gone.missing.length} entries lost`);
  if (gone.twice.length > 0) proof.failures.push(`${gone.twice.length} entries twice`);
  for (const name of ["state.db", "record.db", "shared.db"]) {
    const word = checkFile(join(folder, name));
    if (word !== "ok") proof.failures.push(`${name}: ${word}`);
  }
}
