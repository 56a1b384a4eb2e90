// For which member a page was made, and who is signed in now: within one browser that may change at any time.

const TIMEOUT_MS = 8000;  // after which an answer is not waited for any more

export const parseHtml = (text) => new DOMParser().parseFromString(text, 'text/html');

// Return the name of the member for whom a page was made, '' for a visitor; null if the page does not say.
export const ownerOf = (page) => page.body.dataset.me ?? null;

// Return who was signed in when a page was made: {name, removed}, of which `name` is '' for a visitor, and `removed` is
// the visitor's name if they were a member and were removed from the site. Null if the page does not say.
export function signInOf(page) {
  const name = ownerOf(page);
  return name === null ? null : { name, removed: page.body.dataset.removed ?? '' };
}

// Return the same for now; null if it cannot be loaded.
export async function fetchSignIn() {
  return signInOf(await fetchSmallPage().catch(() => document.implementation.createHTMLDocument()));
}

// /logout is a small page that always says who is signed in, and has a form.
async function fetchSmallPage() {
  const response = await fetch('/logout', { cache: 'no-store', signal: AbortSignal.timeout?.(TIMEOUT_MS) });
  return parseHtml(await response.text());
}

const tokenFields = (page) => [...page.querySelectorAll('[name=_xsrf]')];

// Return the token of the page's forms, which names the member for whom the page was made.
export const formToken = () => tokenFields(document)[0].value;

// Give all forms a new token, since the cookie that theirs were for is gone; return whether that was possible. Another
// member's token is not taken.
export async function renewFormTokens() {
  const page = await fetchSmallPage().catch(() => null);
  const [field] = page && ownerOf(page) === ownerOf(document) ? tokenFields(page) : [];
  if (field) for (const own of tokenFields(document)) own.value = field.value;
  return Boolean(field);
}

export const personPath = (name) => `/people/${encodeURIComponent(name)}`;  // of a member's card
