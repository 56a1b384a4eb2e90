// Makes up the nonce by which something that is sent twice counts once.

// As crypto.randomUUID, which exists only on pages served over HTTPS or from localhost.
export function createNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
