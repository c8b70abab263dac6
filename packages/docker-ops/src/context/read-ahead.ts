/**
 * Reads what comes next while the present is being used: in order, and so many at most.
 *
 * What fails is thrown in its turn; what was begun is waited for, so that nothing runs on after the end.
 */
export async function* readAhead<T, R>(
  items: AsyncIterable<T>,
  most: number,
  read: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R], void> {
  const begun: { item: T; result: Promise<R> }[] = [];
  const take = async (): Promise<readonly [T, R] | null> => {
    const first = begun.shift();
    return first === undefined ? null : [first.item, await first.result];
  };
  try {
    for await (const item of items) {
      const result = read(item);
      // Its failure is thrown when its turn comes, and must not count as unhandled before.
      result.catch(() => {});
      begun.push({ item, result });
      if (begun.length < most) continue;
      const next = await take();
      if (next !== null) yield next;
    }
    for (let next = await take(); next !== null; next = await take()) yield next;
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result));
  }
}
