import { defineTool } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { z } from "zod";
import type { ToolServices } from "../../services.ts";
import { toTime } from "../../time.ts";

export const listSessionsTool = ({ sessions }: ToolServices): ToolDefinition =>
  defineTool({
    name: "list_sessions",
    title: "List sessions",
    description:
      "Lists the sessions of the durable record, the last used first. Use get_session for what happened in one.",
    toolset: "session",
    input: z.object({
      limit: z.int().min(1).max(200).default(20),
      before: z.iso.datetime().optional().describe("last used before this time, for the next page"),
      selector: z.string().max(2000).optional().describe("by labels: a=b,c!=d,e in (x,y),!f"),
    }),
    output: z.object({
      sessions: z.array(
        z.object({
          sessionId: z.string(),
          createdAt: z.string(),
          lastUsedAt: z.string(),
          expiresAt: z.string(),
          labels: z.record(z.string(), z.string()),
          executions: z.int(),
          failures: z.int(),
          lastTool: z.string().nullable(),
        }),
      ),
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: async ({ limit, before, selector }) => {
      const found = await sessions.listSessions({
        limit,
        ...(before === undefined ? {} : { before: Date.parse(before) }),
        ...(selector === undefined ? {} : { selector }),
      });
      return {
        sessions: found.map(({ id, createdAt, lastUsedAt, expiresAt, labels, executions, failures, lastTool }) => ({
          sessionId: id,
          createdAt: toTime(createdAt),
          lastUsedAt: toTime(lastUsedAt),
          expiresAt: toTime(expiresAt),
          labels: { ...labels },
          executions,
          failures,
          lastTool,
        })),
      };
    },
    summarize: (result) =>
      result.sessions.length === 0
        ? "no sessions"
        : result.sessions
            .map(
              ({ sessionId, lastUsedAt, executions, failures, lastTool }) =>
                `${sessionId} ${lastUsedAt} ${executions} calls, ${failures} failed, last ${lastTool ?? "none"}`,
            )
            .join("\n"),
  });
