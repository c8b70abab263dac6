/** Steps on stderr: what is done, what it came to, and how long it took. stdout is left to results. */
const started = performance.now();

/** Says that something long begins. */
export function announce(message) {
  process.stderr.write(`  … ${message}\n`);
}

/** Does a step and shows its outcome. `work` returns `[detail, value]`. */
export async function step(name, work) {
  const start = performance.now();
  try {
    const [detail, value] = await work();
    process.stderr.write(`  ✓ ${name.padEnd(15)} ${detail} · ${seconds(performance.now() - start)}\n`);
    return value;
  } catch (error) {
    process.stderr.write(`  ✗ ${name.padEnd(15)} failed · ${seconds(performance.now() - start)}\n`);
    throw error;
  }
}

/** Shows a heading for a group of steps. */
export function heading(text) {
  process.stderr.write(`${text}\n`);
}

/** Milliseconds since the script began. */
export function elapsedMs() {
  return performance.now() - started;
}

/** A duration for a person. */
export function seconds(ms) {
  return ms < 60_000 ? `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}
