// The rows of the list: the tasks as the server has them, with the changes that are on their way.

const DEEDS = {
  add(rows, change) {
    const { nonce, text, to, due } = change;
    rows.push({ id: nonce, key: nonce, text, to, due, done: false, source: null, ...stateOf(change) });
  },
  change(rows, { id, fields, ...change }) {
    const row = find(rows, id);
    if (!row) return;
    if (change.state === 'conflict') row.conflict = { nonce: change.nonce, mine: fields, theirs: pick(change.theirs, fields) };
    else if (change.state !== 'failed') Object.assign(row, fields);
    Object.assign(row, stateOf(change));
  },
  done(rows, { id, done, ...change }) {
    const row = find(rows, id);
    if (row) Object.assign(row, { done }, stateOf(change));
  },
  move(rows, { id, before, ...change }) {
    const row = find(rows, id);
    if (!row || id === before) return;
    rows.splice(rows.indexOf(row), 1);
    const place = rows.findIndex((other) => other.id === before);
    rows.splice(place < 0 ? rows.length : place, 0, row);
    Object.assign(row, stateOf(change));
  },
  remove(rows, { id }) {
    const row = find(rows, id);
    if (row) rows.splice(rows.indexOf(row), 1);
  },
  all_done(rows, { done }) {
    for (const row of rows) row.done = done;
  },
  clear_done(rows) {
    rows.splice(0, rows.length, ...rows.filter(({ done }) => !done));
  },
};

// Return the rows, in order. Each has the fields of its task, a `key` that stays the same while it is sent, whether it
// `waits` for the network, `why` it was refused (`failed` is then the change's nonce), and the `conflict` of a change with
// somebody else's.
export function project(store, changes, isLate) {
  const rows = store.inOrder.map((task) => ({ ...task, key: store.keyOf(task.id) }));
  for (const change of changes) DEEDS[change.type](rows, { ...change, isLate });
  return rows;
}

// Return those fields of a task that somebody else has changed, too.
function pick(task, fields) {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, task[name] ?? '']));
}

const find = (rows, id) => rows.find((row) => row.id === id);

function stateOf({ state, why, nonce, isLate }) {
  return state === 'failed' ? { why, failed: nonce } : { waits: state === 'waiting' && Boolean(isLate) };
}
