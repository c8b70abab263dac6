/**
 * A real engine, a real authenticated registry and a real MCP client for tests.
 *
 * @packageDocumentation
 */

// The rig that `npm run setup` brings up: where the engine and the registry are, and how to sign in.
export { loadRig, requireRig } from "./load-rig.ts";
export { describeEachEngine, describeWithDocker, describeWithEngine } from "./describe-with-engine.ts";
export { RigError } from "./rig-error.ts";
export type { LoadedRig, Rig, RigEngine, RigRegistry, Standin } from "./types.ts";

// Truth checks: asking the engine and the registry past the code under test.
export { engineRequest } from "./engine-request.ts";
export type { EngineAnswer, EngineRequestOptions } from "./engine-request.ts";
export { registryRequest } from "./registry.ts";
export type { RegistryAccess, RegistryAnswer } from "./registry.ts";

// Things of a test's own: a registry, an image that nobody has seen, an engine that misbehaves as told.
export { startRegistry } from "./registry.ts";
export type { StartRegistryOptions, TestRegistry } from "./registry.ts";
export type { RegistryUsers } from "./registry-process.ts";
export { makeTinyImage, uniqueName } from "./tiny-image.ts";
export type { TinyImage, TinyImageOptions } from "./tiny-image.ts";
export { startPrivateEngine } from "./private-engine.ts";
export type { PrivateEngine, PrivateEngineOptions } from "./private-engine.ts";
export { copyImage } from "./image-copy.ts";
export type { ImageCopy } from "./image-copy.ts";
export { sshObstacle, startSshEngine } from "./ssh-engine.ts";
export type { SshEngine } from "./ssh-engine.ts";
export { startEngineProxy } from "./engine-proxy.ts";
export type { EngineProxy, EngineProxyOptions } from "./engine-proxy.ts";
export type { CapturedRequest, Fault, FaultRule, SeenRequest } from "./engine-proxy-faults.ts";
export { startFaultRegistry } from "./fault-registry.ts";
export type { FaultRegistry, FaultRegistryOptions } from "./fault-registry.ts";
export type { RegistryFault, RegistryFaultRule, SeenRegistryRequest } from "./fault-registry-faults.ts";
export type { TokenGrant, TokenRequest } from "./token-service.ts";
export { makeCertificate } from "./certificates.ts";
export type { Certificate, CertificateKind } from "./certificates.ts";

// A disk and a clock that fail as told, and what a power cut would have left of a folder, at any moment.
export { nativeObstacle } from "./native-library.ts";
export { prepareSystemFaults } from "./system-faults.ts";
export type { DiskFault, SystemFaults } from "./system-faults.ts";
export { startPowerRecorder } from "./power-cut.ts";
export type { PowerRecorder } from "./power-cut.ts";
export { readPowerTrace } from "./power-replay.ts";
export type { NameFate, PowerCut, PowerTrace, SaidLine } from "./power-replay.ts";
export type { DataFate } from "./power-file.ts";

// The program under test, as its users meet it: over MCP and on a command line.
export { spawnServer } from "./spawn-server.ts";
export type { ServerExit, SpawnedServer, SpawnServerOptions } from "./spawn-server.ts";
export { runCli } from "./run-cli.ts";
export type { CliResult, RunCliOptions } from "./run-cli.ts";

// Plugins: the suite that every plugin must pass, through the real server.
export { describePluginConformance } from "./conformance/plugin-conformance.ts";
export type { PluginConformanceOptions, ToolSample } from "./conformance/plugin-conformance.ts";

// The event bus: what every medium of it must pass.
export { eventBusCases, eventBusConformance } from "./conformance/event-bus-conformance.ts";
export type { EventBusCase } from "./conformance/event-bus-conformance.ts";
export type {
  BusMedium,
  ConformingBus,
  ConformingEvent,
  ConformingGap,
  ConformingSubscribe,
  ConformingSubscription,
  MediumOptions,
  OpenMedium,
  PublishedEvent,
} from "./conformance/event-bus-medium.ts";
