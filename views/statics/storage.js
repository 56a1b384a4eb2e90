// Saves values in 'sessionStorage' (this tab) or 'localStorage' (this browser). Either may be full or forbidden, and
// then throws on any access: such errors are ignored, since nothing depends on what is saved here.

export function save(area, key, value) {
  try { window[area].setItem(key, JSON.stringify(value)); } catch { /* see above */ }
}

export function remove(area, key) {
  try { window[area].removeItem(key); } catch { /* see above */ }
}

export function load(area, key, fallback) {
  try { return JSON.parse(window[area].getItem(key)) ?? fallback; } catch { return fallback; }
}

export function keysBeginningWith(area, beginning) {
  try { return Object.keys(window[area]).filter((key) => key.startsWith(beginning)); } catch { return []; }
}
