/** Every operation of an engine, as the fault matrix calls it: by name, and with the request that makes it what it is. */
import { Readable } from "node:stream";
import { engineRequest, makeTinyImage, uniqueName } from "@container-kit/testkit";
import type { EngineAnswer, LoadedRig, TinyImage } from "@container-kit/testkit";
import type { Engine, OperationOptions } from "../../src/index.ts";
import { connect, folderOf } from "../rig.ts";

/** What the operations work on. */
export interface Subject {
  /** Runs a shell that sleeps. */
  readonly image: TinyImage;
  /** The image in the rig's registry. */
  readonly remote: string;
  /** A folder that builds on the image. */
  readonly context: string;
  /** What `save` gives for some image. */
  readonly archive: Buffer;
  /** A name in the engine that nobody has used. */
  readonly freshName: () => string;
  /** Takes back the image, and what was made of it by calls that failed only for us. */
  readonly remove: () => Promise<void>;
}

export interface FaultOperation {
  /** The request that a fault is to meet, as the proxy matches it. */
  readonly match: RegExp;
  readonly call: (engine: Engine, options?: OperationOptions) => Promise<unknown>;
}

export async function makeSubject(rig: LoadedRig): Promise<Subject> {
  const image = await makeTinyImage(rig, { shell: true, changes: ['CMD ["/bin/sh", "-c", "sleep 60"]'] });
  const { folder, remove } = folderOf({ Dockerfile: `FROM ${image.reference}\nLABEL x=${uniqueName()}\nRUN true\n` });
  const remote = freshTarget(rig);
  const engine = await connect(rig);
  await engine.push(image.reference, { target: remote });
  const small = await makeTinyImage(rig);
  const archive = Buffer.concat(await (await engine.save([small.reference])).toArray());
  await small.remove();
  await engine.close();
  const names: string[] = [];
  const freshName = () => {
    const name = `${uniqueName("fault")}:1`;
    names.push(name);
    return name;
  };
  return {
    image,
    remote,
    context: folder,
    archive,
    freshName,
    remove: async () => {
      remove();
      for (const id of await containersOf(rig, image.imageId)) await ask(rig, "DELETE", `/containers/${id}?force=true`);
      for (const name of names) await ask(rig, "DELETE", `/images/${name}?force=true`);
      await image.remove();
    },
  };
}

/** The containers of an image, asked for past the code under test. */
export async function containersOf(rig: LoadedRig, imageId: string): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ ancestor: [imageId] }));
  const { json } = await ask(rig, "GET", `/containers/json?all=1&filters=${filters}`);
  return (json() as readonly { Id: string }[]).map(({ Id }) => Id);
}

function ask({ engine }: LoadedRig, method: string, path: string): Promise<EngineAnswer> {
  return engineRequest(engine.host, method, path);
}

/** A name in the rig's registry that nobody has used. */
export function freshTarget(rig: LoadedRig): string {
  return `${rig.registry.host}/${uniqueName("fault")}:1`;
}

export function operationsOn(rig: LoadedRig, subject: () => Subject): Readonly<Record<string, FaultOperation>> {
  const reference = () => subject().image.reference;
  return {
    inspect: {
      match: /^GET \/images\/[^?]*\/json/,
      call: (engine, options) => engine.inspect(reference(), options),
    },
    list: { match: /^GET \/images\/json/, call: (engine, options) => engine.list(options) },
    history: { match: /^GET .*\/history/, call: (engine, options) => engine.history(reference(), options) },
    tag: { match: /^POST .*\/tag/, call: (engine, options) => engine.tag(reference(), subject().freshName(), options) },
    remove: { match: /^DELETE/, call: (engine, options) => engine.remove(reference(), options) },
    pull: {
      match: /^POST \/images\/create/,
      call: (engine, options) => engine.pull(subject().remote, { ...options, force: true }),
    },
    push: {
      match: /^POST .*\/push/,
      call: (engine, options) => engine.push(reference(), { ...options, target: freshTarget(rig) }),
    },
    load: {
      match: /^POST \/images\/load/,
      call: (engine, options) => engine.load(Readable.from([subject().archive]), options),
    },
    save: {
      match: /^GET \/images\/get/,
      call: async (engine, options) => (await engine.save([reference()], options)).toArray(),
    },
    build: {
      match: /^POST \/build/,
      call: (engine, options) => engine.build(subject().context, { ...options, tags: [subject().freshName()] }),
    },
    probe: {
      match: /^POST \/containers\/create/,
      call: (engine, options) => engine.probe(reference(), { ...options, port: 80 }),
    },
  };
}
