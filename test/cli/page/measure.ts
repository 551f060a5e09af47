/** Measurements that run inside the browser: each is an expression whose value is JSON. */

/** What sticks out of the viewport to the right, and can be seen: the first few elements. */
export const STICKING_OUT = `(() => {
  const width = document.documentElement.clientWidth;
  const found = document.documentElement.scrollWidth > width ? ['the page: ' + document.documentElement.scrollWidth] : [];
  for (const element of document.body.querySelectorAll('*')) {
    const { right, left, width: own, height } = element.getBoundingClientRect();
    if (own > 1 && height > 1 && (right > width + 0.5 || left < -0.5) && !element.closest('svg'))
      found.push(element.tagName + '.' + element.className + ' ' + left + ' to ' + right);
  }
  return found.slice(0, 5);
})()`;

/** Texts that stand out too little from what is behind them (WCAG 2.2, 1.4.3): colour, background, ratio, the text. */
export const TOO_FAINT = `(() => {
  const parse = (text) => { const [r, g, b, a = 1] = (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number); return [r, g, b, a]; };
  const over = ([r, g, b, a], [br, bg, bb]) => [r * a + br * (1 - a), g * a + bg * (1 - a), b * a + bb * (1 - a), 1];
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const seen = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [size, weight] = [parseFloat(style.fontSize), Number(style.fontWeight)];
    const back = behind(element);
    const key = [style.color, back, size, weight].join();
    if (seen.has(key)) continue;
    const [a, b] = [light(over(parse(style.color), back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    seen.set(key, { ratio, needed: size >= 24 || (size >= 18.66 && weight >= 700) ? 3 : 4.5, size, text: node.data.trim().slice(0, 40), color: style.color, back });
  }
  const all = [...seen.values()];
  return { looked: all.length, faint: all.filter(({ ratio, needed }) => ratio < needed), smallest: Math.min(...all.map(({ size }) => size)) };
})()`;

/** Where the marks of each timeline lie, in pixels, by the name of the certificate. */
export interface Marks {
  readonly name: string;
  readonly track: readonly [from: number, to: number];
  readonly used: readonly [from: number, to: number];
  readonly window?: readonly [from: number, to: number];
  readonly pick?: number;
  readonly next?: number;
  readonly now: number;
  readonly end: number;
}

export const MARKS = `[...document.querySelectorAll('tbody tr')].flatMap((row) => {
  const line = row.querySelector('svg.line');
  if (line === null) return [];
  const box = (selector) => line.querySelector(selector)?.getBoundingClientRect();
  const span = (selector) => { const one = box(selector); return one && [one.left, one.right]; };
  const middle = (selector) => { const one = box(selector); return one && (one.left + one.right) / 2; };
  return [{
    name: row.querySelector('th').firstChild.data,
    track: span('.track'), used: span('.used'), window: span('.window'), pick: middle('.pick path'), next: middle('.next'),
    now: box('.now').left, end: box('.end').left,
  }];
})`;

/** What can be seen of the head of the table and of the labels that stand for it on a narrow page. */
export const LABELS = `({
  heads: [...document.querySelectorAll('thead th')].filter((one) => one.getBoundingClientRect().height > 1 && document.querySelector('thead').getBoundingClientRect().height > 1).length,
  labels: [...document.querySelectorAll('.cell-when')].map((one) => getComputedStyle(one, '::before').content).filter((one) => one !== 'none').length,
})`;
