// For which member a page was made, and who is signed in now: within one browser that may change at any time.

const TIMEOUT_MS = 8000;  // after which an answer is not waited for any more

export const parseHtml = (text) => new DOMParser().parseFromString(text, 'text/html');

// Return the name of the member for whom a page was made, '' for a visitor; null if the page does not say.
export const ownerOf = (page) => page.body.dataset.me ?? null;

// Return the same for who is signed in now. /logout is a small page that always says so. Throws if it cannot be loaded.
export async function fetchSignedInName() {
  const response = await fetch('/logout', { cache: 'no-store', signal: AbortSignal.timeout?.(TIMEOUT_MS) });
  return ownerOf(parseHtml(await response.text()));
}

export const personPath = (name) => `/people/${encodeURIComponent(name)}`;  // of a member's card
