import { dependsOn, shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";

/** Packages that compile with node-gyp when no prebuilt binary can be fetched. */
const compiled = [
  "bcrypt better-sqlite3 sqlite3 argon2 canvas node-sass bufferutil utf-8-validate re2 cpu-features",
  "node-pty serialport @serialport/bindings-cpp usb leveldown classic-level zeromq isolated-vm farmhash",
  "microtime kerberos snappy ref-napi ffi-napi libpq pg-native sharp hiredis node-expat libxmljs",
  "libxmljs2 @tensorflow/tfjs-node fibers iconv odbc oracledb",
].flatMap((line) => line.split(" "));

/** Debian packages that a running program needs beside Node; sharp, canvas and the like bring their own libraries. */
const runtimePackages = new Map([
  ["@prisma/client", "openssl"],
  ["pg-native", "libpq5"],
  ["libpq", "libpq5"],
]);

/** Packages that drive a browser, which no small base has. */
const browsers = ["puppeteer", "puppeteer-core", "playwright", "playwright-core", "playwright-chromium"];

export function nativeDependencies(manifests: readonly Manifest[]): string[] {
  return compiled.filter((name) => manifests.some((manifest) => dependsOn(manifest, name)));
}

export function neededRuntimePackages(manifests: readonly Manifest[]): string[] {
  const needed = [...runtimePackages].filter(([name]) => manifests.some((manifest) => shipsWith(manifest, name)));
  return [...new Set(needed.map(([, debian]) => debian))];
}

export function neededBrowser(manifest: Manifest): string | null {
  return browsers.find((name) => shipsWith(manifest, name)) ?? null;
}
