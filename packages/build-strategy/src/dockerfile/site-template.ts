/**
 * Writes the Dockerfile of a site: Node builds the files, nginx hands them out as an ordinary user on port 8080.
 * nginx, because its image is small, maintained and needs no program of ours.
 */
import { joinPath } from "../analysis/path.ts";
import { labelLines } from "./labels.ts";
import type { NodePlan } from "./plan.ts";
import { renderBuild } from "./program-template.ts";
import { comment, copy, execForm, run } from "./text.ts";

/** The image of nginx that runs without root; its user is 101 and its port 8080. */
const nginxImage = "nginxinc/nginx-unprivileged:stable-alpine";
/** The port of a site. */
export const sitePort = 8080;

const USER = "101:101";
const CONFIGURATION = "/tmp/site.conf";

/** The whole file. */
export function renderSite(
  plan: NodePlan,
  site: { readonly folder: string; readonly historyFallback: boolean },
): string {
  const base = `ARG NGINX_IMAGE=${nginxImage}`;
  const built = plan.buildSteps === null ? [["# syntax=docker/dockerfile:1", "", base]] : renderBuild(plan, [base]);
  const parts = [...built, configurationStage(plan, site), runtimeStage(plan, site.folder)];
  return `${parts.map((part) => part.join("\n")).join("\n\n")}\n`;
}

function configurationStage(plan: NodePlan, { historyFallback }: { readonly historyFallback: boolean }): string[] {
  const lines = configuration(historyFallback);
  const base = plan.buildSteps === null ? "${NGINX_IMAGE}" : "build";
  const written = `printf '%s\\n' \\\n    ${lines.map((line) => `'${line}'`).join(" \\\n    ")} \\\n    > ${CONFIGURATION}`;
  const why = historyFallback
    ? "Paths that are no file belong to the application's own router."
    : "Pages are files; what is missing is missing.";
  return [comment(`The web server's configuration. ${why}`), `FROM ${base} AS configuration`, run([], [written])];
}

/** Lines without single quotes: they are printed by a shell. */
function configuration(historyFallback: boolean): string[] {
  const fallback = historyFallback
    ? "try_files $uri $uri/ /index.html;"
    : "try_files $uri $uri/index.html $uri.html =404;";
  return [
    "server {",
    `  listen ${sitePort};`,
    "  server_tokens off;",
    "  root /usr/share/nginx/html;",
    `  location / { ${fallback} }`,
    ...(historyFallback ? [] : ["  error_page 404 /404.html;"]),
    "  location = /index.html { add_header Cache-Control no-cache; }",
    "}",
  ];
}

function runtimeStage(plan: NodePlan, folder: string): string[] {
  const target = "/usr/share/nginx/html/";
  const files = joinPath(plan.moduleFolder, folder);
  const copied =
    plan.buildSteps === null ? copy([`${files}/`], target) : copy([`/app/${files}/`], target, { from: "build" });
  return [
    comment("What runs."),
    "FROM ${NGINX_IMAGE} AS runtime",
    copy([CONFIGURATION], "/etc/nginx/conf.d/default.conf", { from: "configuration" }),
    copied,
    `USER ${USER}`,
    `EXPOSE ${sitePort}`,
    // busybox brings wget; there is no Node in this image.
    `HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 \\\n    CMD ${execForm(["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${sitePort}/`])}`,
    ...labelLines(plan.module, "NGINX_IMAGE"),
    `CMD ${execForm(["nginx", "-g", "daemon off;"])}`,
  ];
}
