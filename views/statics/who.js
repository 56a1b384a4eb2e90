// For whom a page was made, and who is signed in now: in one browser that may change at any time.

export const parse = (text) => new DOMParser().parseFromString(text, 'text/html');

// The name of the member for whom a page was made, '' for nobody; null where it does not say.
export const ownerOf = (page) => page.body.dataset.me ?? null;

// The same for who is signed in now, by a page that is small and has what it asks in every case.
export async function whoIsIt() {
  const answer = await fetch('/logout', { cache: 'no-store' });
  return ownerOf(parse(await answer.text()));
}
