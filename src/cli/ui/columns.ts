/** Rows of texts as a table: columns as wide as their widest text, cut to the width of a terminal. */

export interface Column {
  readonly title: string;
  /** Where there is not enough room, the column may become as narrow as this; one without keeps its width. */
  readonly least?: number;
  /** Where that is not enough, columns go: the one with the lowest number first; one without stays. */
  readonly dispensable?: number;
  /** What a cell is shown with; its text is cut before. */
  readonly paint?: (text: string, row: number) => string;
}

const GAP = '  ';

/**
 * Lines with the titles first, without spaces at their ends.
 * @param width characters in a line; undefined cuts nothing
 */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): string[] {
  const natural = columns.map(({ title }, at) => rows.reduce((most, row) => Math.max(most, lengthOf(row[at] ?? '')), title.length));
  const goes = width === undefined ? undefined : dispensed(natural, columns, width);
  if (goes !== undefined) {
    const others = <Item>(items: readonly Item[]): Item[] => items.filter((_, at) => at !== goes);
    return tableLines(others(columns), rows.map(others), width);
  }
  const widths = width === undefined ? natural : fit(natural, columns, width);
  const line = (texts: readonly string[], paint: (text: string, at: number) => string): string =>
    texts
      .map((text, at) => {
        const room = widths[at] ?? 0;
        const shown = cut(text, room);
        return paint(shown, at) + (at === columns.length - 1 ? '' : ' '.repeat(room - lengthOf(shown)));
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      columns.map(({ title }) => title),
      (text) => text,
    ),
    ...rows.map((row, number) => line(row, (text, at) => columns[at]?.paint?.(text, number) ?? text)),
  ];
}

/** The column that goes first, when the line does not fit even where all are as narrow as they may be. */
function dispensed(natural: readonly number[], columns: readonly Column[], width: number): number | undefined {
  const narrowest = natural.reduce((sum, own, at) => sum + Math.min(own, columns[at]?.least ?? own), GAP.length * (columns.length - 1));
  if (narrowest <= width) return undefined;
  const order = columns.flatMap(({ dispensable }, at) => (dispensable === undefined ? [] : [{ dispensable, at }]));
  return order.sort((a, b) => a.dispensable - b.dispensable)[0]?.at;
}

/** Takes from the columns that may shrink, from the last one first, until the line fits. */
function fit(natural: readonly number[], columns: readonly Column[], width: number): number[] {
  const widths = [...natural];
  let over = natural.reduce((sum, one) => sum + one, 0) + GAP.length * (columns.length - 1) - width;
  for (let at = columns.length - 1; at >= 0 && over > 0; at--) {
    const least = columns[at]?.least;
    const own = widths[at] ?? 0;
    if (least === undefined || own <= least) continue;
    const taken = Math.min(own - least, over);
    widths[at] = own - taken;
    over -= taken;
  }
  return widths;
}

function cut(text: string, room: number): string {
  const characters = [...text];
  return characters.length <= room ? text : `${characters.slice(0, Math.max(0, room - 1)).join('')}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
