// For which member a page was made, and who is signed in now: within one browser that may change at any time.

export const parseHtml = (text) => new DOMParser().parseFromString(text, 'text/html');

// Return the name of the member for whom a page was made, '' for a visitor; null if the page does not say.
export const ownerOf = (page) => page.body.dataset.me ?? null;

// Return the same for who is signed in now. /logout is a small page that always says so.
export async function fetchSignedInName() {
  const response = await fetch('/logout', { cache: 'no-store' });
  return ownerOf(parseHtml(await response.text()));
}
