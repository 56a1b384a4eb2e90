// Shows which members are online, who came and left, and who is typing.

import { element } from './element.js';
import { withoutLosingFocus } from './focus.js';
import { personPath } from './identity.js';
import { joinNames, translate } from './locale.js';

const MAX_NAMES_IN_LINE = 3;  // more members who came or left at once are only counted
const MAX_NAMES_TYPING = 2;

export class Presence {
  // onChange(text) is called with a line about members who came or left.
  constructor({ me, onChange }) {
    Object.assign(this, { me, onChange, lastOnline: null });
    this.online = document.getElementById('online');
    this.count = document.getElementById('online-count');
    this.here = document.getElementById('here');
    this.typing = document.getElementById('writing');
    this.ownPicture = document.querySelector('.self .picture');
    this.ownState = document.getElementById('my-state');
  }

  // After a reconnect the first list is compared with none: who came and left meanwhile is no news any more.
  reset() {
    this.lastOnline = null;
    this.showTyping([]);
  }

  showOwnState(isLive) {
    this.ownPicture.classList.toggle('present', isLive);
    this.ownState.textContent = isLive ? translate('online') : '';
    if (!isLive) this.showTyping([]);
    // Without a connection the list may be out of date.
    this.online.parentElement.classList.toggle('stale', !isLive);
  }

  // Show the names of those online, of which there are `count`; `online` may be only the first of them. `pictures` has
  // the letter and the colour of each; a process of an earlier version sends none.
  showOnline({ online, pictures, count }) {
    this.reportChanges(online, count);
    this.lastOnline = count === online.length ? new Set(online) : null;
    this.count.textContent = count;
    this.here.textContent = translate('here', { n: count, all: Math.max(count, this.here.dataset.all) });
    this.online.parentElement.hidden = count === 0;
    const fallback = () => this.online.parentElement.querySelector('summary');
    withoutLosingFocus(this.online, () => this.showNames(online, pictures), fallback);
    const n = count - online.length;
    if (n > 0) this.online.append(element('li', 'more', translate('more_online', { n })));
  }

  // Show these names, which are in order; who is still online keeps their item, with the focus and a click on it.
  showNames(names, pictures) {
    const kept = new Set();
    for (const item of [...this.online.children]) {
      const name = item.querySelector('.name')?.textContent;
      if (names.includes(name)) kept.add(name);
      else item.remove();
    }
    names.forEach((name, i) => {
      if (!kept.has(name)) {
        const item = createItem(name, pictures?.[i] ?? ['', 0]);
        this.online.insertBefore(item, this.online.children[i] ?? null);
      }
    });
  }

  // Only two complete lists tell who came and who left.
  reportChanges(online, count) {
    if (!this.lastOnline || count !== online.length) return;
    const now = new Set(online);
    this.report('joined', online.filter((name) => !this.lastOnline.has(name)));
    this.report('left', [...this.lastOnline].filter((name) => !now.has(name)));
  }

  report(change, names) {
    const others = names.filter((name) => name !== this.me);
    const n = others.length;
    if (n > MAX_NAMES_IN_LINE) this.onChange(translate(`people_${change}`, { n }));
    else if (n) this.onChange(translate(change, { n, names: joinNames(others) }));
  }

  showTyping(members) {
    const others = members.filter((name) => name !== this.me);
    if (others.length > MAX_NAMES_TYPING) this.typing.replaceChildren(translate('several_writing'));
    else this.typing.replaceChildren(...(others.length ? typingParts(others) : []));
  }
}

// Return the sentence in parts, each name as an element, so that a long name can be cut without the words around it.
function typingParts(names) {
  const words = translate('writing', { n: names.length, names: joinNames(names.map(() => '\0')) }).split('\0');
  return words.flatMap((word, i) => (i ? [element('bdi', '', names[i - 1]), word] : [word]));
}

function createItem(name, [initial, tint]) {
  const item = element('li');
  const picture = element('span', `picture tint-${tint} present`, initial);
  picture.setAttribute('aria-hidden', 'true');
  const label = element('span', 'name');
  label.append(element('bdi', '', name));
  const link = element('a');
  link.href = personPath(name);
  link.append(picture, label);
  item.append(link);
  return item;
}
