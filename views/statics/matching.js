// Compares what is typed with names, without regard to case and accents.

export function fold(text) {
  return text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
}

// Return the items whose `key`, a folded name, has `typed` in it: where it begins the name, where it begins a later word,
// and elsewhere. The order within each of the three lists is that of `items`.
export function matches(items, typed) {
  const found = [[], [], []];
  for (const item of items) {
    const at = item.key.indexOf(typed);
    if (at === 0) found[0].push(item);
    else if (beginsWord(item.key, typed)) found[1].push(item);
    else if (at > 0) found[2].push(item);
  }
  return found;
}

const beginsWord = (key, typed) => key.includes(` ${typed}`) || key.includes(`-${typed}`) || key.includes(`_${typed}`);
