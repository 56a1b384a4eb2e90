// Sending something again: after which pause, and by which nonce, so that it counts once.

const MAX_FIRST_PAUSE_MS = 300;  // random: after a restart not all pages come at once
const PAUSE_MS = 1000;           // before the second try; doubled for each further one
const MAX_PAUSE_MS = 30_000;

// Return the pause after `failed` tries.
export function pauseMs(failed) {
  if (failed === 0) return Math.random() * MAX_FIRST_PAUSE_MS;
  return Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** (failed - 1)) * (0.5 + Math.random() / 2);
}

// As crypto.randomUUID, which exists only on pages served over HTTPS or from localhost.
export function createNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
