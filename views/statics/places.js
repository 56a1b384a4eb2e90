// The rooms in the sidebar, with what is new in each, as the server tells it of all of the member's rooms.

import { element } from './element.js';
import { translate } from './locale.js';

export class Places {
  // me: the member. onCount(count) is called with how much is new in all rooms that are not muted.
  constructor({ me, onCount }) {
    Object.assign(this, { me, onCount, rooms: new Map() });
    this.nav = document.getElementById('places');
  }

  // Take a message of the server if it is about the list of rooms; return whether it is.
  receive(frame) {
    const taken = {
      rooms: this.takeRooms, activity: this.takeActivity, mention: this.takeMention, read: this.takeRead, person: this.takePerson,
      tasks: this.takeTasks,
    };
    if (!Object.hasOwn(taken, frame.type)) return false;
    taken[frame.type].call(this, frame);
    this.showTotal();
    return true;
  }

  takeRooms({ rooms, tasks }) {
    this.takeTasks({ open: tasks });
    this.rooms = new Map(rooms.map((place) => [place.room, { ...place, ...setsOf(place) }]));
    for (const item of this.nav.querySelectorAll('[data-room]')) {
      if (!this.rooms.has(item.dataset.room)) item.remove();
    }
    for (const place of this.rooms.values()) this.show(place);
    this.arrange();
  }

  takeActivity({ room, head, posts, deleted, edited }) {
    const place = this.rooms.get(room);
    if (!place) return;
    if (head > place.head) place.at = Date.now() / 1000;
    Object.assign(place, { head, posts });
    for (const seq of deleted) {
      if (seq > place.read) place.deletedSeqs.add(seq);
      place.mentionSeqs.delete(seq);
    }
    for (const [seq, names] of Object.entries(edited)) {
      if (!names.includes(this.me) && !names.includes('room')) place.mentionSeqs.delete(Number(seq));
    }
    this.show(place);
    this.arrange();
  }

  takeMention({ room, seq }) {
    const place = this.rooms.get(room);
    if (!place || seq <= place.read || place.deletedSeqs.has(seq)) return;
    place.mentionSeqs.add(seq);
    this.show(place);
  }

  takeRead({ room, seq, posts }) {
    const place = this.rooms.get(room);
    if (!place) return;
    Object.assign(place, { read: seq, read_posts: posts });
    for (const seqs of [place.deletedSeqs, place.mentionSeqs]) {
      for (const one of seqs) if (one <= seq) seqs.delete(one);
    }
    this.show(place);
  }

  takePerson({ username, online }) {
    for (const place of this.rooms.values()) {
      if (!place.people.includes(username)) continue;
      place.online = place.online.filter((name) => name !== username).concat(online ? username : []);
      this.show(place);
    }
  }

  // So many tasks are open that are given to the member.
  takeTasks({ open }) {
    const link = this.nav.querySelector('.tasks-link');
    link?.querySelector('.count')?.remove();
    if (open) link?.append(countElement(open, 'count', translate('open_tasks')));
  }

  // --- showing

  show(place) {
    const item = this.nav.querySelector(`[data-room="${CSS.escape(place.room)}"]`) ?? this.add(place);
    if (!item) return;
    const count = unreadOf(place);
    const mentions = place.mentionSeqs.size;
    item.classList.toggle('muted', place.muted);
    item.classList.toggle('unread', count > 0 && !place.muted);
    item.classList.toggle('pinned', place.pinned);
    item.querySelector('.name').textContent = nameOf(place);
    item.querySelector('.picture')?.classList.toggle('present', place.online.length > 0);
    item.querySelector('.count')?.remove();
    if (mentions) item.firstElementChild.append(countElement(mentions, 'count mentions', translate('mentions', { n: mentions })));
    else if (count && !place.muted) item.firstElementChild.append(countElement(count, 'count', translate('new')));
  }

  // Add a room that the member has joined since the page was made. Archived ones have no place here.
  add(place) {
    if (place.archived) return null;
    const kind = place.kind === 'direct' ? 'people' : 'rooms';
    const item = createPlace(place);
    this.nav.querySelector(`[data-kind=${kind}]`)?.append(item);
    return item;
  }

  // Put the pinned rooms first, then those with the newest posts.
  arrange() {
    for (const list of this.nav.querySelectorAll('[data-kind]')) {
      const items = [...list.querySelectorAll('[data-room]')];
      const sorted = items.toSorted((a, b) => this.compare(this.rooms.get(a.dataset.room), this.rooms.get(b.dataset.room)));
      if (sorted.some((item, i) => item !== items[i])) sorted.forEach((item) => list.append(item));
    }
  }

  compare(a, b) {
    if (!a || !b) return 0;
    return b.pinned - a.pinned || b.at - a.at;
  }

  showTotal() {
    let total = 0;
    for (const place of this.rooms.values()) total += place.muted ? place.mentionSeqs.size : unreadOf(place);
    const shown = this.nav.querySelector('.new .count');
    shown?.remove();
    if (total) this.nav.querySelector('.new')?.append(countElement(total, 'count', translate('new')));
    this.onCount(total);
  }
}

const nameOf = ({ name }) => name || translate('only_you');

const setsOf = ({ deleted, mentions }) => ({ deletedSeqs: new Set(deleted), mentionSeqs: new Set(mentions) });

// How many posts are new: a difference of numbers, less those that were deleted.
function unreadOf({ head, posts, read, read_posts: readPosts, deletedSeqs }) {
  if (read === null) return 0;
  const deleted = [...deletedSeqs].filter((seq) => seq <= head).length;
  return Math.max(0, posts - readPosts - deleted);
}

// A room as modules/places.html draws it.
function createPlace({ room, address, kind, picture }) {
  const item = element('li', 'place');
  item.dataset.room = room;
  const link = element('a');
  link.href = `/rooms/${encodeURIComponent(address)}`;
  const isDirect = kind === 'direct';
  const [initial, tint] = picture ?? ['?', 0];
  const sign = element('span', isDirect ? `picture tint-${tint}` : `hash ${kind}`, isDirect ? initial : '');
  sign.setAttribute('aria-hidden', 'true');
  link.append(sign, ' ', element('bdi', 'name'));
  item.append(link);
  return item;
}

function countElement(count, className, words) {
  const shown = element('span', className, String(count));
  shown.append(element('span', 'visually-hidden', ` ${words}`));
  return shown;
}
