import { resolve } from "node:path";
import { describeJob, describePlan, describeStage } from "../../containerize/describe.ts";
import { runJob } from "../../containerize/run-job.ts";
import type { JobOptions, JobWatcher } from "../../containerize/types.ts";
import { fail } from "../../errors.ts";
import { configure, credentialFlags } from "../command.ts";
import type { Command, CommandContext, CredentialArguments } from "../command.ts";
import { EXIT, exitStatusOf } from "../exit-status.ts";
import { canDraw } from "../host.ts";
import { listenForInterruption } from "../interruption.ts";
import { createProgressView } from "../progress-view.ts";

/** The arguments of `containerize`. */
export interface ContainerizeArguments extends CredentialArguments {
  readonly path: string;
  readonly image?: string;
  readonly push?: string;
  readonly scan?: boolean;
  readonly failOn?: string;
  readonly dryRun?: boolean;
}

/** `containerize`: the main job, without an agent. */
export const containerize: Command<ContainerizeArguments> = async (args, context) => {
  const { host, output } = context;
  if (args.failOn !== undefined) {
    throw fail("UNSUPPORTED", `--fail-on ${args.failOn} needs a scanner, and this version has none`, {
      remedy: "Leave --fail-on out, and scan the image with a scanner of your own before you use it.",
    });
  }
  const options: JobOptions = {
    path: resolve(host.workingDirectory, args.path),
    image: args.image,
    push: args.push,
    scan: args.scan ?? true,
    dryRun: args.dryRun ?? false,
  };
  const [{ openApplication }, { checkImageName }] = await Promise.all([
    import("../../wiring.ts"),
    import("../../containerize/image-name.ts"),
  ]);
  for (const name of [args.image, args.push]) if (name !== undefined) checkImageName(name);
  const config = await configure(context, credentialFlags(args), [options.path]);
  const application = await openApplication(config, {
    paths: { terminal: true },
    toolsets: "all",
    environment: host.environment,
  });
  const interruption = listenForInterruption(host, () => output.note("stopping …"));
  try {
    output.note(describePlan(options));
    const report = await runJob(options, {
      runtime: application.runtime,
      store: application.sessions.location,
      signal: interruption.signal,
      watcher: watch(context),
    });
    if (report.error === undefined) {
      output.text(describeJob(report));
      output.document(report);
      return EXIT.done;
    }
    output.failure(report.error, report);
    const missed = report.stages.filter(({ reason }) => reason === "not reached").map(({ stage }) => stage);
    if (missed.length > 0) output.note(`not reached: ${missed.join(", ")}`);
    if (report.record.show !== null) output.note(`record: ${report.record.show}`);
    return exitStatusOf(report.error, interruption.happened);
  } finally {
    interruption.end();
    await application.close();
  }
};

function watch({ host, output }: CommandContext): JobWatcher {
  const style = output.mode !== "text" ? "silent" : canDraw(host) ? "bars" : "lines";
  const view = createProgressView({ style, stream: host.stderr });
  return {
    begin(stage) {
      view.begin(stage);
      output.event({ type: "stage", stage, status: "running" });
    },
    progress(stage, progress) {
      view.update(progress);
      output.event({ type: "progress", stage, ...progress });
    },
    end(report) {
      view.end(describeStage(report));
      const { result: _result, ...event } = report;
      output.event({ type: "stage", ...event });
    },
  };
}
