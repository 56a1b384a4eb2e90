// The tasks as the server has them: the newest of what came as a list, as an answer and as an entry of the room's log.

export class TaskStore {
  constructor() {
    this.tasks = new Map();    // by id
    this.removed = new Set();  // ids, which are never used again
    this.keys = new Map();     // ids of tasks made here: the nonce by which their row was known before
  }

  // The tasks in their order: by rank, and by id where two ranks are the same.
  get inOrder() {
    return [...this.tasks.values()].sort((a, b) => compare(a.rank, b.rank) || a.id - b.id);
  }

  keyOf(id) { return this.keys.get(id) ?? id; }

  // Take all tasks as they were at the entry `seq`; what is newer stays.
  load(tasks, seq) {
    const listed = new Set(tasks.map(({ id }) => id));
    for (const { id, changed } of this.tasks.values()) if (!listed.has(id) && changed <= seq) this.tasks.delete(id);
    for (const task of tasks) this.put(task);
  }

  // Take a task, unless a newer state of it is known.
  put(task) {
    const known = this.tasks.get(task.id);
    if (this.removed.has(task.id) || known?.changed > task.changed) return;
    this.tasks.set(task.id, { ...task, to: task.to ?? '', due: task.due ?? '' });
  }

  remove(id) {
    this.tasks.delete(id);
    this.removed.add(id);
  }

  // Take an entry of the log. One without `task` is followed by another that has it.
  receive({ kind, seq, target, task }) {
    if (task) this.put(task);
    else if (task === null) this.remove(kind === 'task_made' ? seq : target);
  }
}

const compare = (a, b) => (a < b ? -1 : Number(a > b));
