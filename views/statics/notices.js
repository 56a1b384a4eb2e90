// What a page says once nothing more can be sent from it. A notice is a text and perhaps a link: [text, [text, address]].

import { translate } from './locale.js';

export function signedOutNotice() {
  const next = encodeURIComponent(location.pathname + location.search);
  return [translate('signed_out_words'), [translate('sign_in'), `/login?next=${next}`]];
}

// Return what is said on a page that was made for `me` while `name` is signed in.
export function otherMemberNotice(me, name) {
  return [translate('another', { me, name }), [translate('open_as', { name }), location.pathname]];
}
