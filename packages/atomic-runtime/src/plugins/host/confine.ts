/**
 * Takes from a plugin's process what Node's permission model does not take: the network, and ways to reach other
 * processes. Files, child processes, worker threads and native code are refused by the permission model itself, which
 * holds against everything; this holds against ordinary code and its libraries (ADR 9 says where it ends).
 *
 * - C1  A refused function throws, and the server is told its name.
 * - C2  A module can still be loaded, because a library that merely mentions `http` is no offence.
 * - C3  Local sockets are refused whatever is granted: who reaches the engine's may do all that it may.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import type { Socket } from "node:net";
import type * as Tls from "node:tls";

/** What is confined. */
export interface Confinement {
  readonly network: boolean;
  /** A socket of this process over a pipe: the class of its handle is the one that every local socket has. */
  readonly pipe: Socket;
  readonly onDenied: (what: string) => void;
}

const NETWORK_MODULES = ["net", "tls", "dgram", "dns", "dns/promises", "http", "https", "http2"];
const OTHER_MODULES = "child_process cluster worker_threads inspector inspector/promises repl trace_events wasi".split(
  " ",
);
const NETWORK_GLOBALS = ["fetch", "WebSocket", "EventSource"];
/** Questions about text that reach nobody. */
const HARMLESS = new Set(["isIP", "isIPv4", "isIPv6", "validateHeaderName", "validateHeaderValue"]);
const PROCESS_MEMBERS =
  "kill _kill _getActiveHandles _getActiveRequests _debugProcess _debugEnd binding _linkedBinding dlopen abort setuid setgid seteuid setegid setgroups initgroups".split(
    " ",
  );
const HANDLE_MEMBERS = ["connect", "connect6", "bind", "bind6", "listen", "open", "fchmod"];
const MODULE_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  v8: ["setFlagsFromString", "writeHeapSnapshot", "setHeapSnapshotNearHeapLimit", "takeCoverage", "stopCoverage"],
  os: ["setPriority"],
  module: ["register", "registerHooks"],
};

/** Confines this process for good. */
export function confine({ network, pipe, onDenied }: Confinement): void {
  const require = createRequire(import.meta.url);
  const deny = (what: string) =>
    function denied(): never {
      onDenied(what);
      throw Object.assign(new Error(`${what} is not allowed to this plugin`), {
        code: "ERR_ACCESS_DENIED",
        permission: what,
      });
    };
  // What streams of this process need is made now, from what is still whole.
  for (const stream of ["stdout", "stderr", "stdin"] as const) void process[stream];

  // All are loaded before the first is changed: one is made of another.
  const modules = [...(network ? [] : NETWORK_MODULES), ...OTHER_MODULES].map(
    (name) => [name, require(`node:${name}`) as object] as const,
  );
  denyHandle(pipe, "local socket", deny);
  if (!network) {
    const { TLSSocket } = require("node:tls") as typeof Tls;
    denyHandle(new TLSSocket(undefined as never), "socket", deny);
  }
  for (const [name, module] of modules) denyModule(module, name, deny);
  for (const [name, members] of Object.entries(MODULE_MEMBERS)) {
    const module = require(`node:${name}`) as Record<string, unknown>;
    for (const member of members) if (member in module) replace(module, member, deny(`${name}.${member}`));
  }
  for (const member of PROCESS_MEMBERS) if (member in process) replace(process, member, deny(`process.${member}`));
  replace(process, "report", undefined);
  if (!network) for (const name of NETWORK_GLOBALS) if (name in globalThis) replace(globalThis, name, deny(name));
  syncBuiltinESMExports();
}

/** Below the modules: a handle's own methods, which whoever gets hold of any socket could call (C3). */
function denyHandle(socket: Socket, name: string, deny: (what: string) => () => never): void {
  type Handle = object & { readonly _parent?: Handle };
  for (let handle = (socket as { _handle?: Handle })._handle; handle !== undefined; handle = handle._parent) {
    const prototype = Object.getPrototypeOf(handle) as object;
    for (const member of HANDLE_MEMBERS) if (member in prototype) replace(prototype, member, deny(`${name}.${member}`));
  }
}

/** Every function of the module, and what its classes do on a connection. */
function denyModule(module: object, name: string, deny: (what: string) => () => never): void {
  const { prototype } = (module as { Socket?: { prototype?: object } }).Socket ?? {};
  for (const member of ["connect", "bind", "send"])
    if (prototype !== undefined && member in prototype) replace(prototype, member, deny(`${name}.Socket.${member}`));
  const server = (module as { Server?: { prototype?: object } }).Server?.prototype;
  for (const member of ["listen", "_listen2"])
    if (server !== undefined && member in server) replace(server, member, deny(`${name}.Server.${member}`));
  for (const [member, value] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (HARMLESS.has(member)) continue;
    if (typeof value.value === "function") replace(module, member, deny(`${name}.${member}`));
    else if (value.get !== undefined || member === "promises") replace(module, member, undefined);
  }
}

function replace(owner: object, member: string, value: unknown): void {
  const own = Object.getOwnPropertyDescriptor(owner, member);
  // A member that nobody can replace can stay only where the permission model refuses it too.
  if (own?.configurable === false && own.writable !== true) return;
  Object.defineProperty(owner, member, {
    value,
    writable: false,
    ...(own?.configurable === false ? {} : { configurable: false }),
  });
}
