// The part of an answer with at least a given score: pure functions, without the page.

// The page requests all words from this score up, so that moving the threshold needs no further request.
export const FLOOR = 0.1;

const STEPS = 10;

// The index of a score's colour, 0 to 9.
export const step = (score) => Math.min(STEPS - 1, Math.max(0, Math.floor(score * STEPS)));

// For each block its words in reading order, each with the gap before it: [[{index, gap}]]. A block's text has them
// in this order, with spaces, tabs between cells and ends of rows between them.
export function arrangement(answer) {
  if (!arranged.has(answer)) arranged.set(answer, arrange(answer));
  return arranged.get(answer);
}

const arranged = new WeakMap();

function arrange(answer) {
  const members = answer.blocks.map(() => []);
  answer.words.forEach((word, index) => members[word.block].push(index));
  return answer.blocks.map((block, number) => aligned(block.text, members[number], answer.words));
}

function aligned(text, indices, words) {
  const pieces = [];
  let at = 0;
  for (const index of indices) {
    const found = text.indexOf(words[index].text, at);
    if (found < 0 || text.slice(at, found).trim()) return byLine(indices, words);
    pieces.push({ index, gap: text.slice(at, found) });
    at = found + words[index].text.length;
  }
  return pieces;
}

function byLine(indices, words) {
  return indices.map((index, place) => {
    const same = place > 0 && words[indices[place - 1]].line === words[index].line;
    return { index, gap: place === 0 ? "" : same ? " " : "\n" };
  });
}

const strength = (gap) => (gap.includes("\n") ? 3 : gap.includes("\t") ? 2 : gap ? 1 : 0);

// The pieces whose word is kept. Of the two gaps around a word that is left out, the stronger is kept.
export function keptPieces(pieces, kept) {
  const found = [];
  let carried = "";
  for (const { index, gap } of pieces) {
    if (strength(gap) > strength(carried)) carried = gap;
    if (!kept(index)) continue;
    found.push({ index, gap: found.length ? carried : "" });
    carried = "";
  }
  return found;
}

const written = (pieces, words) => pieces.map(({ index, gap }) => gap + words[index].text).join("");

const mean = (values) => Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4));

// The text of the words for which `kept(index)` is true, with empty lines between blocks.
export function textOf(answer, kept) {
  return arrangement(answer)
    .map((pieces) => written(keptPieces(pieces, kept), answer.words))
    .filter(Boolean)
    .join("\n\n");
}

// Words, lines or blocks that have a word of at least the score `least`: [{words, polygon, text, score}].
export function units(answer, level, least) {
  const kept = (index) => answer.words[index].score >= least;
  if (level === "words") {
    return answer.words.flatMap((word, index) => (kept(index) ? [{ ...word, words: [index] }] : []));
  }
  const pieces = arrangement(answer);
  const groups =
    level === "blocks"
      ? answer.blocks.map((block, number) => [block, pieces[number]])
      : answer.lines.map((line, number) => [line, pieces[line.block].filter(({ index }) => answer.words[index].line === number)]);
  return groups.flatMap(([group, members]) => {
    const shown = keptPieces(members, kept);
    if (!shown.length) return [];
    const words = shown.map(({ index }) => index);
    const score = mean(words.map((index) => answer.words[index].score));
    return [{ words, polygon: group.polygon, text: written(shown, answer.words), score }];
  });
}

// The answer with only the words of at least the score `least`; the remaining lines and blocks are renumbered.
export function from(answer, least) {
  const kept = (index) => answer.words[index].score >= least;
  const left = (member) => {
    const numbers = [...new Set(answer.words.filter((_, index) => kept(index)).map((word) => word[member]))];
    return new Map(numbers.sort((a, b) => a - b).map((number, place) => [number, place]));
  };
  const [lines, blocks] = [left("line"), left("block")];
  const texts = { lines: units(answer, "lines", least), blocks: units(answer, "blocks", least) };
  return {
    ...answer,
    words: answer.words
      .filter((_, index) => kept(index))
      .map((word) => ({ ...word, line: lines.get(word.line), block: blocks.get(word.block) })),
    lines: [...lines].map(([number, place]) => {
      const { text, score } = texts.lines[place];
      return { ...answer.lines[number], text, score, block: blocks.get(answer.lines[number].block) };
    }),
    blocks: [...blocks].map(([number, place]) => {
      const { text, score } = texts.blocks[place];
      return { ...answer.blocks[number], text, score };
    }),
  };
}

// JSON with each polygon on a single line.
export function pretty(value) {
  return JSON.stringify(value, null, 2)
    .replace(/\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g, "[$1, $2]")
    .replace(/\[\s+((?:\[[^[\]]*\],?\s*)+)\]/g, (_, points) => `[${points.trim().replace(/\s+/g, " ")}]`);
}

// A histogram: the number of scores in each of `bins` equal parts of FLOOR to 1.
export function histogram(scores, bins) {
  const counts = new Array(bins).fill(0);
  for (const score of scores) {
    if (score < FLOOR) continue;
    counts[Math.min(bins - 1, Math.floor(((score - FLOOR) / (1 - FLOOR)) * bins))] += 1;
  }
  return counts;
}
