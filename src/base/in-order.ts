/** Work on several things at once, with outcomes in the order of the things. */

/** Gives each item with its outcome; at most `width` are worked on at once, and no failure stops the others. */
export async function* inOrder<Item, Value>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<readonly [Item, PromiseSettledResult<Value>]> {
  const running: { readonly item: Item; readonly outcome: Promise<readonly PromiseSettledResult<Value>[]> }[] = [];
  const next = async function* (): AsyncGenerator<readonly [Item, PromiseSettledResult<Value>]> {
    const first = running.shift();
    for (const outcome of (await first?.outcome) ?? []) if (first !== undefined) yield [first.item, outcome];
  };
  for (const item of items) {
    running.push({ item, outcome: Promise.allSettled([work(item)]) });
    if (running.length >= width) yield* next();
  }
  while (running.length > 0) yield* next();
}
