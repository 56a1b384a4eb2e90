// The order of the list while one of its tasks is edited: its row stays where it is, in the page and for the eye.

// Return the rows with those of `earlier` in their earlier order; new ones follow the row that they stand behind. A row
// that is edited and gone stays, and says so.
export function inStillOrder(rows, earlier, editing) {
  const now = new Map(rows.map((row) => [row.key, row]));
  const still = earlier
    .map((row) => now.get(row.key) ?? (row.key === editing && { ...row, isGone: true }))
    .filter(Boolean);
  const known = new Set(still.map(({ key }) => key));
  rows.forEach((row, i) => {
    if (known.has(row.key)) return;
    const before = i ? still.findIndex(({ key }) => key === rows[i - 1].key) : -1;
    still.splice(before + 1, 0, row);
    known.add(row.key);
  });
  return still;
}
