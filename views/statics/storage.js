// What the browser keeps for us: 'sessionStorage' for this tab, 'localStorage' for this browser. Either may be full
// or forbidden (then even touching it throws): what is kept here is a comfort, nothing depends on it.

export function keep(where, key, value) {
  try { window[where].setItem(key, JSON.stringify(value)); } catch { /* see above */ }
}

export function forget(where, key) {
  try { window[where].removeItem(key); } catch { /* see above */ }
}

export function recall(where, key, otherwise) {
  try { return JSON.parse(window[where].getItem(key)) ?? otherwise; } catch { return otherwise; }
}
