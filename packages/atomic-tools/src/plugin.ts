import { definePlugin } from "@container-kit/atomic-runtime";
import type { Plugin } from "@container-kit/atomic-runtime";
import { contextTypes } from "./context-types.ts";
import type { ToolServices } from "./services.ts";
import { analyzeRepositoryTool } from "./tools/analyze-repository/tool.ts";
import { buildImageTool } from "./tools/build-image/tool.ts";
import { cancelJobTool } from "./tools/cancel-job/tool.ts";
import { generateDockerfileTool } from "./tools/generate-dockerfile/tool.ts";
import { getJobTool } from "./tools/get-job/tool.ts";
import { getSessionTool } from "./tools/get-session/tool.ts";
import { inspectImageTool } from "./tools/inspect-image/tool.ts";
import { listSessionsTool } from "./tools/list-sessions/tool.ts";
import { probeImageTool } from "./tools/probe-image/tool.ts";
import { pullImageTool } from "./tools/pull-image/tool.ts";
import { pushImageTool } from "./tools/push-image/tool.ts";
import { serverStatusTool } from "./tools/server-status/tool.ts";
import { tagImageTool } from "./tools/tag-image/tool.ts";
import { validateCredentialsTool } from "./tools/validate-credentials/tool.ts";

/** The built-in tools, in the order of the contract's table. */
export function createBuiltinPlugin(services: ToolServices): Plugin {
  return definePlugin({
    name: "container-kit",
    version: "0.0.0",
    apiVersion: 1,
    tools: [
      analyzeRepositoryTool(services),
      generateDockerfileTool(services),
      buildImageTool(services),
      pullImageTool(services),
      pushImageTool(services),
      tagImageTool(services),
      inspectImageTool(services),
      validateCredentialsTool(services),
      probeImageTool(services),
      listSessionsTool(services),
      getSessionTool(services),
      getJobTool(services),
      cancelJobTool(services),
      serverStatusTool(services),
    ],
    contextTypes,
  });
}
